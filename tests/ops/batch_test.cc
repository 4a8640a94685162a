// What a picture gets does not depend on those that are computed beside it: each row, to the bit.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "compile/compile.h"
#include "support/full_size.h"
#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

/// The rows of picture `i`: as the models lay them out, each of several prompts, or of two twins,
/// has a row for each picture.
Tensor rows_of_picture(const Tensor& tensor, int64_t i, int64_t pictures) {
  Shape shape = tensor.shape();
  const int64_t sets = shape[0] / pictures;
  const size_t row = tensor.bytes().size() / static_cast<size_t>(shape[0]);
  shape[0] = sets;
  Tensor picked({tensor.dtype(), shape});
  for (int64_t set = 0; set < sets; ++set)
    std::memcpy(picked.mutable_bytes().data() + static_cast<size_t>(set) * row,
                tensor.bytes().data() + static_cast<size_t>(set * pictures + i) * row, row);
  return picked;
}

/// One operation, as it is for one picture and for several.
struct Step {
  Op alone, together;
  std::vector<TensorType> inputs;  // of several
  std::vector<int64_t> pictures;   // of which each input has rows
  std::vector<bool> constant;
  int64_t result_pictures = 1;  // of which the result has rows

  bool operator==(const Step&) const = default;
};

std::vector<Tensor> random_inputs(const Step& step) {
  std::vector<Tensor> inputs;
  for (const TensorType& type : step.inputs) {
    const auto seed = static_cast<int>(inputs.size()) + 1;
    inputs.push_back(type.dtype == DType::i32
                         ? ids_tensor(type.shape, std::vector<int32_t>(type.elements(), 1))
                         : random_tensor(type.shape, seed));
  }
  return inputs;
}

std::vector<Tensor> inputs_of_picture(const Step& step, const std::vector<Tensor>& inputs,
                                      int64_t i) {
  std::vector<Tensor> own = inputs;
  for (size_t k = 0; k < own.size(); ++k)
    if (step.pictures[k] > 1) own[k] = rows_of_picture(inputs[k], i, step.pictures[k]);
  return own;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes().size() == b.bytes().size() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

/// The distinct steps of several pictures' denoising.
std::vector<Step> steps_of(DenoiserShape shape, const Target& target) {
  const int64_t pictures = std::exchange(shape.latents, 1);
  const Plan one = compile(full_size_denoiser(shape), target);
  shape.latents = pictures;
  const Plan several = compile(full_size_denoiser(shape), target);
  std::vector<Step> steps;
  EXPECT_EQ(one.step.size(), several.step.size());
  for (size_t s = 0; s < one.step.size(); ++s) {
    Step step{one.step[s].op, several.step[s].op, {}, {}, {}};
    step.result_pictures = several.values[several.step[s].output].pictures;
    if (is_view(step.together)) continue;
    for (const ValueId id : several.step[s].inputs) {
      step.inputs.push_back(several.values[id].type);
      step.pictures.push_back(several.values[id].pictures);
      step.constant.push_back(several.values[id].place.space == Space::weight);
    }
    if (std::ranges::find(steps, step) == steps.end()) steps.push_back(std::move(step));
  }
  return steps;
}

void compare_steps(const Backend& backend, const DenoiserShape& shape) {
  const Target own = backend.target(), in_f32{.fused = own.fused, .vector_width = own.vector_width};
  for (const Step& step : steps_of(shape, in_f32)) {
    const auto inputs = random_inputs(step);
    const Tensor all =
        run(backend, step.together, inputs, step.constant, Output::own_memory, shape.latents);
    for (const int64_t i : std::set<int64_t>{0, shape.latents / 2, shape.latents - 1}) {
      const Tensor alone =
          run(backend, step.alone, inputs_of_picture(step, inputs, i), step.constant);
      // The step's number and the like belong to no picture.
      EXPECT_TRUE(same_bytes(
          step.result_pictures > 1 ? rows_of_picture(all, i, shape.latents) : all, alone))
          << backend.name() << ", " << i << " of " << shape.latents << ": "
          << describe(step.together, inputs);
    }
  }
}

// On a CPU of small pictures, for the time it takes.
TEST(Batch, EachStepOfTheDenoiser) {
  for (const Backend* backend : backends()) {
    if (backend == &reference()) continue;
    const bool small = backend->shares_host_memory();
    for (const int64_t pictures : small ? std::vector<int64_t>{3} : std::vector<int64_t>{2, 3, 8})
      compare_steps(*backend, {.latents = pictures,
                               .height = small ? 8 : 32,
                               .width = small ? 16 : 48,
                               .max_steps = 4});
  }
}

/// Whatever a plan or a cache has for one picture and for several: these follow that, and all that
/// a tuner may choose for them gives the same.
void compare_choices(DType precision, const Step& step) {
  constexpr int64_t pictures = 3;
  const auto backend = make_cuda_backend({.precision = precision});
  const auto inputs = random_inputs(step);
  const auto own = inputs_of_picture(step, inputs, 1);
  const auto names = kernel_for(*backend, step.alone, own, step.constant)->alternatives();
  auto plan = nlohmann::json::parse(backend->choices());
  if (plan["choices"].empty()) return;  // nothing to choose on this GPU
  const std::string key = plan["choices"].items().begin().key();
  std::set<std::string> orders;
  for (const std::string& name : names) {
    plan["choices"] = {{key, {name, 1.0}}};
    backend->take_choices(plan.dump(), "the test");
    const auto several = kernel_for(*backend, step.together, inputs, step.constant, pictures);
    std::string of_several;  // its key says the order
    const auto taken = nlohmann::json::parse(backend->choices());
    for (const auto& [known, choice] : taken["choices"].items())
      if (known.find(" as ") != std::string::npos && choice[0] == several->description() &&
          !orders.contains(known))
        of_several = known;
    if (of_several.empty()) continue;  // has been seen, or there is but one choice
    orders.insert(of_several);
    const Tensor alone = run(*backend, step.alone, own, step.constant);
    auto both = plan;
    for (const std::string& other : several->alternatives()) {
      SCOPED_TRACE(fmt::format("{}, {} for {}: {}", backend->name(), other, of_several,
                               describe(step.together, inputs)));
      both["choices"][of_several] = {other, 1.0};
      backend->take_choices(both.dump(), "the test");
      EXPECT_EQ(kernel_for(*backend, step.together, inputs, step.constant, pictures)->description(),
                other);
      const Tensor all =
          run(*backend, step.together, inputs, step.constant, Output::own_memory, pictures);
      EXPECT_TRUE(same_bytes(rows_of_picture(all, 1, pictures), alone));
    }
    // A choice of another order is passed over.
    both["choices"][of_several] = {
        names.front() == several->description() ? names.back() : names.front(), 1.0};
    backend->take_choices(both.dump(), "the test");
    EXPECT_TRUE(same_bytes(rows_of_picture(run(*backend, step.together, inputs, step.constant,
                                               Output::own_memory, pictures),
                                           1, pictures),
                           alone));
  }
  EXPECT_GT(orders.size(), 0u) << describe(step.together, inputs);
}

class BatchChoices : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (!has_gpu(GetParam())) GTEST_SKIP() << "no GPU here";
  }
  /// The first input and, where there is one, the residual and what is joined have pictures' rows.
  void compare(const Op& op, const std::vector<Shape>& shapes, std::vector<int64_t> pictures) {
    Step step{op, op, {}, std::move(pictures), {}};
    for (const Shape& shape : shapes) step.inputs.push_back({DType::f32, shape});
    for (size_t i = 0; i < shapes.size(); ++i) step.constant.push_back(i == 1 || i == 2);
    compare_choices(GetParam(), step);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, BatchChoices,
                         ::testing::Values(DType::f16, DType::bf16, DType::f32),
                         [](const auto& one) { return std::string(name(one.param)); });

TEST_P(BatchChoices, OfLinear) {
  compare(Linear{.epilogue = {.residual = true, .activation = ActivationKind::silu}, .groups = 2},
          {{6, 209, 448}, {2 * 136, 448}, {2 * 136}, {6, 209, 136}}, {3, 1, 1, 3});
  compare(Linear{.epilogue = {.gate = true}, .groups = 2},
          {{6, 209, 448}, {2 * 400, 448}, {2 * 400}}, {3, 1, 1});
  compare(Linear{.normed = true}, {{3, 418, 320}, {200, 320}, {200}}, {3, 1, 1});
  compare(Linear{.concat = true}, {{3, 418, 320}, {136, 448}, {136}, {3, 418, 128}}, {3, 1, 1, 3});
}

TEST_P(BatchChoices, OfConv2d) {
  const Conv2d op{.top = 1, .left = 1, .bottom = 1, .right = 1};
  Conv2d grouped = op;
  grouped.groups = 2;
  compare(grouped, {{6, 17, 13, 64}, {2 * 136, 64, 3, 3}, {2 * 136}}, {3, 1, 1});
  Conv2d concatenated = op;
  concatenated.concat = 1, concatenated.height = concatenated.width = 3,
  concatenated.epilogue.residual = true;
  compare(concatenated,
          {{6, 17, 13, 64}, {136, 64 * 9 + 40}, {136}, {6, 17, 13, 136}, {6, 17, 13, 40}},
          {3, 1, 1, 3, 3});
  Conv2d upsampled = op;
  upsampled.upsample = true;
  compare(upsampled, {{6, 17, 13, 64}, {136, 64, 3, 3}, {136}}, {3, 1, 1});
  compare(op, {{6, 17, 13, 128}, {4, 128, 3, 3}, {4}}, {3, 1, 1});
}

}  // namespace
}  // namespace drypoint
