// Every kernel that a GPU's tuner may choose for a product computes the same.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

/// Makes each of the choices for one operation in turn.
void compare_choices(DType precision, const Op& op, const std::vector<Tensor>& inputs,
                     const std::vector<bool>& constant) {
  const auto backend = make_cuda_backend({.precision = precision});
  const auto names = kernel_for(*backend, op, inputs, constant)->alternatives();
  auto plan = nlohmann::json::parse(backend->choices());  // as a plan holds them
  if (plan["choices"].empty()) return;                    // nothing to choose on this GPU
  ASSERT_EQ(plan["choices"].size(), 1);
  EXPECT_GT(names.size(), 1);
  const Tensor expected = run(reference(), op, inputs, constant);
  for (const std::string& name : names) {
    SCOPED_TRACE(fmt::format("{}, {}: {}", backend->name(), name, describe(op, inputs)));
    plan["choices"].front()[0] = name;
    backend->take_choices(plan.dump(), "the test");
    EXPECT_EQ(kernel_for(*backend, op, inputs, constant)->description(), name);
    EXPECT_TRUE(close(run(*backend, op, inputs, constant).floats(), expected.floats(),
                      tolerance(*backend, op)));
  }
}

class Choices : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (!has_gpu(GetParam())) GTEST_SKIP() << "no GPU here";
  }
  /// Of a product for which nothing is shipped.
  static std::unique_ptr<Kernel> kernel(const Backend& backend) {
    return kernel_for(backend, Linear{.epilogue = {.bias = false}},
                      {random_tensor({1, 309, 192}, 1), random_tensor({400, 192}, 2)},
                      {false, true});
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Choices, ::testing::Values(DType::f16, DType::bf16, DType::f32),
                         [](const auto& one) { return std::string(name(one.param)); });

// Sizes that no tile divides, and a depth that is cut into unequal parts. (Products of many more
// tiles than there are multiprocessors: full_size_test.cc.)
TEST_P(Choices, OfLinear) {
  const Tensor x = random_tensor({2, 1109, 448}, 1), weight = random_tensor({2 * 400, 448}, 2),
               bias = random_tensor({2 * 400}, 3), residual = random_tensor({2, 1109, 400}, 4),
               scales = random_tensor({3}, 5);
  compare_choices(GetParam(),
                  Linear{.epilogue = {.bias = true,
                                      .residual = true,
                                      .activation = ActivationKind::silu,
                                      .scale = 2},
                         .groups = 2},
                  {x, weight, bias, residual, scales}, {false, true, true, false, false});
  compare_choices(GetParam(), Linear{.epilogue = {.bias = true, .gate = true}, .groups = 2},
                  {x, weight, bias}, {false, true, true});
  compare_choices(GetParam(), Linear{.epilogue = {.bias = false}, .groups = 2, .normed = true},
                  {x, weight}, {false, true});
  compare_choices(GetParam(), Linear{.concat = true},
                  {random_tensor({1, 2218, 320}, 1), random_tensor({400, 448}, 2),
                   random_tensor({400}, 3), random_tensor({1, 2218, 128}, 6)},
                  {false, true, true, false});
}

TEST_P(Choices, OfConv2d) {
  const Conv2d op{.top = 1, .left = 1, .bottom = 1, .right = 1};
  const Tensor x = random_tensor({2, 37, 43, 64}, 1),
               weight = random_tensor({2 * 200, 64, 3, 3}, 2), bias = random_tensor({2 * 200}, 3);
  Conv2d grouped = op;
  grouped.groups = 2;
  compare_choices(GetParam(), grouped, {x, weight, bias}, {false, true, true});
  Conv2d concatenated = op;
  concatenated.concat = 2, concatenated.height = concatenated.width = 3;
  compare_choices(GetParam(), concatenated,
                  {x, random_tensor({200, 64 * 9 + 128 + 40}, 2), random_tensor({200}, 3),
                   random_tensor({2, 37, 43, 128}, 4), random_tensor({2, 37, 43, 40}, 5)},
                  {false, true, true, false, false});
  Conv2d upsampled = op;
  upsampled.upsample = true;
  compare_choices(GetParam(), upsampled,
                  {random_tensor({2, 37, 43, 64}, 1), random_tensor({200, 64, 3, 3}, 2),
                   random_tensor({200}, 3)},
                  {false, true, true});
  Conv2d selected = op;
  selected.epilogue.select = true;
  selected.stride = 2;
  selected.epilogue.residual = true;
  compare_choices(
      GetParam(), selected,
      {random_tensor({8, 63, 75, 64}, 1), random_tensor({320, 64, 3, 3}, 2),
       random_tensor({5, 320}, 3), ids_tensor({1}, {3}), random_tensor({8, 32, 38, 320}, 4)},
      {false, true, false, false, false});
}

// Channels that fill no whole piece of the depth.
TEST_P(Choices, OfEightBits) {
  if (GetParam() == DType::f32) GTEST_SKIP() << "halves alone";
  for (const DType type : {DType::f8, DType::i8}) {
    const auto backend = make_cuda_backend({.precision = GetParam()});
    if (!has_type(*backend, type)) continue;
    const Tensor scales = random_tensor({2}, 5, 0.002f, 0.01f);
    const auto rounded_to = [&](const Tensor& x) {
      return run(reference(), Quantize{type}, {x, scales}, {false, false});
    };
    const Tensor x = rounded_to(random_tensor({2, 1109, 448}, 1)),
                 weight = random_tensor({2 * 400, 448}, 2), bias = random_tensor({2 * 400}, 3);
    compare_choices(
        GetParam(),
        Linear{
            .epilogue = {.residual = true, .activation = ActivationKind::silu, .dequantize = true},
            .groups = 2},
        {x, weight, bias, random_tensor({2, 1109, 400}, 4), scales},
        {false, true, true, false, false});
    compare_choices(GetParam(), Linear{.epilogue = {.gate = true, .dequantize = true}, .groups = 2},
                    {x, weight, bias, scales}, {false, true, true, false});
    compare_choices(GetParam(),
                    Conv2d{.top = 1,
                           .left = 1,
                           .bottom = 1,
                           .right = 1,
                           .epilogue = {.dequantize = true},
                           .groups = 2},
                    {rounded_to(random_tensor({2, 37, 43, 80}, 1)),
                     random_tensor({2 * 200, 80, 3, 3}, 2), random_tensor({2 * 200}, 3), scales},
                    {false, true, true, false});
  }
}

TEST_P(Choices, ThatCannotBeMadeAreReplacedAndTold) {
  const auto backend = make_cuda_backend({.precision = GetParam()});
  const auto chosen = kernel(*backend)->description();
  EXPECT_TRUE(backend->notices().empty());
  const std::string before = backend->choices();
  auto plan = nlohmann::json::parse(before);
  plan["choices"].front()[0] = "cublaslt 99";
  backend->take_choices(plan.dump(), "the test");
  EXPECT_EQ(kernel(*backend)->description(), chosen);
  ASSERT_EQ(backend->notices().size(), 1);
  EXPECT_NE(backend->notices()[0].find("cublaslt 99 for gemm"), std::string::npos);
  EXPECT_EQ(backend->choices(), before);
}

TEST_P(Choices, AreMeasuredOnceForACache) {
  const TemporaryFolder folder;
  const std::string file = folder / "cache.json";
  const auto choose = [&](int level) {
    const auto backend =
        make_cuda_backend({.precision = GetParam(), .level = level, .tuning_cache = file});
    return kernel(*backend)->description();
  };
  const std::string chosen = choose(5);
  const auto cache = nlohmann::json::parse(std::ifstream(file));
  const auto& choice = cache.at("choices").front();
  EXPECT_EQ(choice[0], chosen);
  EXPECT_GT(choice[2].size(), 0);
  const auto backend = make_cuda_backend({.precision = GetParam()});
  const auto alternatives = kernel(*backend)->alternatives();
  for (const auto& [name, _] : choice[2].items())
    EXPECT_TRUE(std::ranges::count(alternatives, name) == 1) << name;
  EXPECT_EQ(choose(0), chosen);
}

}  // namespace
}  // namespace drypoint
