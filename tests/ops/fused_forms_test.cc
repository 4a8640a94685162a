// Fused forms of products and norms, on the backends that have them.
#include <optional>

#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

void compare(const Op& op, const std::vector<Tensor>& inputs, const std::vector<bool>& constant) {
  std::optional<Tensor> expected;  // which takes long, so only if a backend has the form
  for (const Backend* backend : backends()) {
    if (!has_forms(backend->target().fused, op)) continue;
    if (!expected) expected = run(reference(), op, inputs, constant);
    const Tensor actual = run(*backend, op, inputs, constant);
    EXPECT_TRUE(close(actual.floats(), expected->floats(), tolerance(*backend, op)))
        << backend->name() << ": " << describe(op, inputs);
  }
}

TEST(FusedForms, ReferenceSelectsScalesAndGates) {
  // Two groups of one row, each with its weight; bias row 1 of 2; 0.5 times that, plus 10.
  const Linear op{.epilogue = {.bias = true, .residual = true, .select = true, .scale = 1},
                  .groups = 2};
  const Tensor out = run(
      reference(), op,
      {make_tensor({2, 1}, std::vector<float>{1, 2}), make_tensor({2, 1}, std::vector<float>{3, 4}),
       make_tensor({2, 2}, std::vector<float>{0, 0, 5, 7}), ids_tensor({1}, {1}),
       make_tensor({2, 1}, std::vector<float>{10, 10}),
       make_tensor({2}, std::vector<float>{0, 0.5f})},
      {false, true, false, false, false, false});
  EXPECT_EQ(out.floats()[0], 0.5f * (3 + 5) + 10);
  EXPECT_EQ(out.floats()[1], 0.5f * (8 + 7) + 10);
  const Tensor gated = run(
      reference(), Linear{.epilogue = {.bias = false, .gate = true}},
      {make_tensor({1, 1}, std::vector<float>{1}), make_tensor({2, 1}, std::vector<float>{3, 2})},
      {false, true});
  EXPECT_NEAR(gated.floats()[0], 3 * 1.954499736f, 1e-5);  // 3 gelu(2)
}

TEST(FusedForms, Linear) {
  // Rows a group, channels, columns.
  for (const auto& [rows, in, out] : {std::array{96, 320, 320},
                                      {3072, 320, 320},
                                      {24, 1280, 1280},
                                      {77, 64, 80},
                                      {200, 40, 128}}) {
    const Tensor x = random_tensor({2, rows, in}, 1), weight = random_tensor({2 * out, in}, 2),
                 bias = random_tensor({2 * out}, 3), residual = random_tensor({2, rows, out}, 4);
    compare(Linear{.epilogue = {.bias = true}, .groups = 2}, {x, weight, bias},
            {false, true, true});
    compare(Linear{.epilogue = {.bias = true, .residual = true, .scale = 2}, .groups = 2},
            {x, weight, bias, residual, random_tensor({3}, 5)}, {false, true, true, false, false});
    compare(Linear{.epilogue = {.bias = true, .gate = true}, .groups = 2}, {x, weight, bias},
            {false, true, true});
    compare(Linear{.epilogue = {.bias = true, .gate = true}}, {x, weight, bias},
            {false, true, true});
  }
}

TEST(FusedForms, Conv2d) {
  // Pictures a group, height, width, channels in and out, stride.
  for (const auto& [n, h, w, in, out, stride] : {std::array{1, 32, 48, 320, 320, 1},
                                                 {2, 4, 6, 128, 64, 1},
                                                 {2, 5, 7, 64, 24, 1},
                                                 {1, 9, 13, 64, 64, 2},
                                                 {2, 16, 24, 320, 64, 2}}) {
    const Conv2d op{.stride = stride, .top = 1, .left = 1, .bottom = 1, .right = 1, .groups = 2};
    compare(op,
            {random_tensor({2 * n, h, w, in}, 1), random_tensor({2 * out, in, 3, 3}, 2),
             random_tensor({2 * out}, 3)},
            {false, true, true});
  }
}

TEST(FusedForms, Norms) {
  for (const Shape& shape : {Shape{4, 6, 8, 320}, {2, 5, 7, 64}, {2, 32, 48, 960}})
    compare(GroupNorm{.groups = 32, .activation = ActivationKind::silu, .weight_groups = 2},
            {random_tensor(shape, 1), random_tensor({2 * shape.back()}, 2),
             random_tensor({2 * shape.back()}, 3)},
            {false, true, true});
  for (const Shape& shape : {Shape{4, 77, 320}, {2, 5, 1280}, {2, 3, 36}})
    compare(LayerNorm{.weight_groups = 2},
            {random_tensor(shape, 1), random_tensor({2 * shape.back()}, 2),
             random_tensor({2 * shape.back()}, 3)},
            {false, true, true});
}

/// The reference against itself, the long way round.
TEST(FusedForms, ReferenceDoublesNormsAndJoins) {
  const Tensor x = random_tensor({2, 3, 5, 8}, 1), weight = random_tensor({4, 8, 3, 3}, 2),
               bias = random_tensor({4}, 3), rest = random_tensor({2, 3, 5, 16}, 4),
               gamma = random_tensor({24}, 5), beta = random_tensor({24}, 6);
  const Conv2d conv{.top = 1, .left = 1, .bottom = 1, .right = 1};
  Conv2d upsampled = conv;
  upsampled.upsample = true;
  const Tensor large = run(reference(), Upsample{6, 10}, {x});
  EXPECT_TRUE(close(run(reference(), upsampled, {x, weight, bias}).floats(),
                    run(reference(), conv, {large, weight, bias}).floats(), 1e-7));

  const Tensor both = run(reference(), Concat{-1}, {x, rest});
  EXPECT_TRUE(close(
      run(reference(), GroupNorm{.groups = 4, .concat = true}, {x, gamma, beta, rest}).floats(),
      run(reference(), GroupNorm{.groups = 4}, {both, gamma, beta}).floats(), 1e-7));
  const Tensor matrix = random_tensor({7, 24}, 7), sums = random_tensor({7}, 8);
  EXPECT_TRUE(close(run(reference(), Linear{.concat = true}, {x, matrix, sums, rest}).floats(),
                    run(reference(), Linear{}, {both, matrix, sums}).floats(), 1e-7));

  // A window's row is its 8 x 9 elements; the last input lies under its middle.
  Conv2d concatenated = conv;
  concatenated.concat = 2, concatenated.height = concatenated.width = 3;
  const Tensor filters = random_tensor({4, 24}, 9), more = random_tensor({2, 3, 5, 8}, 10);
  const Tensor skip =
      run(reference(), Linear{.epilogue = {.bias = false}, .concat = true}, {more, filters, rest});
  EXPECT_TRUE(close(
      run(reference(), concatenated,
          {x, run(reference(), Concat{1}, {weight.reshaped({4, 72}), filters}), bias, more, rest})
          .floats(),
      run(reference(), Add{}, {run(reference(), conv, {x, weight, bias}), skip}).floats(), 1e-6));

  const Tensor normed = run(reference(), LayerNorm{}, {both, gamma, beta});
  const Tensor shift =
      run(reference(), Linear{}, {beta.reshaped({1, 24}), matrix, sums}).reshaped({7});
  const Tensor folded = run(reference(), FoldNorm{}, {matrix, gamma}, {true, true});
  EXPECT_TRUE(close(run(reference(), Linear{.normed = true}, {both, folded, shift}).floats(),
                    run(reference(), Linear{}, {normed, matrix, sums}).floats(), 1e-6));
}

TEST(FusedForms, DoubledConv2d) {
  // Pictures, height, width, channels in and out.
  for (const auto& [n, h, w, in, out] : {std::array{2, 4, 6, 320, 320},
                                         {1, 16, 24, 64, 128},
                                         {2, 5, 7, 40, 24},
                                         {1, 3, 2, 12, 20}}) {
    const Conv2d op{.top = 1, .left = 1, .bottom = 1, .right = 1, .upsample = true};
    compare(op,
            {random_tensor({n, h, w, in}, 1), random_tensor({out, in, 3, 3}, 2),
             random_tensor({out}, 3)},
            {false, true, true});
  }
}

TEST(FusedForms, NormedLinear) {
  // Rows a group, channels, columns.
  for (const auto& [rows, in, out] : {std::array{96, 320, 320},
                                      {3072, 320, 960},
                                      {24, 1280, 1280},
                                      {77, 64, 80},
                                      {200, 40, 128}}) {
    const Tensor x = random_tensor({2, rows, in}, 1, 2.0f, 0.5f),
                 weight = random_tensor({2 * out, in}, 2), bias = random_tensor({2 * out}, 3);
    for (const bool gated : {false, true})
      compare(Linear{.epilogue = {.gate = gated}, .groups = 2, .normed = true}, {x, weight, bias},
              {false, true, true});
    compare(Linear{.epilogue = {.bias = false, .gate = true}, .normed = true}, {x, weight},
            {false, true});
  }
}

TEST(FusedForms, Joined) {
  // Pixels, channels of both, columns.
  for (const auto& [pixels, in, more, out] : {std::array{96, 320, 640, 320},
                                              {1536, 640, 320, 640},
                                              {24, 1280, 1280, 1280},
                                              {35, 64, 32, 64},
                                              {35, 8, 24, 40}}) {
    const Tensor x = random_tensor({2, pixels, in}, 1), rest = random_tensor({2, pixels, more}, 2),
                 gamma = random_tensor({in + more}, 3), beta = random_tensor({in + more}, 4);
    compare(Linear{.concat = true},
            {x, random_tensor({out, in + more}, 5), random_tensor({out}, 6), rest},
            {false, true, true, false});
    const int64_t height = pixels % 4 == 0 ? 4 : 5, width = pixels / height;
    for (const int count : {1, 2})
      for (const int groups : {1, 2}) {
        const Conv2d conv{.top = 1,
                          .left = 1,
                          .bottom = 1,
                          .right = 1,
                          .groups = groups,
                          .concat = count,
                          .height = 3,
                          .width = 3};
        std::vector<Tensor> inputs{
            random_tensor({2, height, width, 64}, 7),
            random_tensor({groups * out, 9 * 64 + in + (count > 1 ? more : 0)}, 8),
            random_tensor({groups * out}, 9), x.reshaped({2, height, width, in})};
        if (count > 1) inputs.push_back(rest.reshaped({2, height, width, more}));
        compare(conv, inputs, {false, true, true, false, false});
      }
    compare(GroupNorm{.groups = 8, .activation = ActivationKind::silu, .concat = true},
            {x, gamma, beta, rest}, {false, true, true, false});
  }
  // More than one kernel can hold.
  compare(GroupNorm{.groups = 32, .concat = true},
          {random_tensor({1, 4096, 640}, 1), random_tensor({1280}, 3), random_tensor({1280}, 4),
           random_tensor({1, 4096, 640}, 2)},
          {false, true, true, false});
}

TEST(FusedForms, Expand) {
  compare(Expand{.times = 2, .groups = 2}, {random_tensor({4, 3, 5, 8}, 1)}, {false});
}

}  // namespace
}  // namespace drypoint
