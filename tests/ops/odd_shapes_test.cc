// Every operation that computes, at sizes that fill no vector and no block, against the reference.
#include <array>

#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

/// Compares all backends with the reference, in memory of its own and in place.
void compare_here(const Op& op, const std::vector<Tensor>& inputs, const Tensor& expected) {
  for (const Backend* backend : backends()) {
    const std::string what = backend->name() + ": " + describe(op, inputs);
    const double allowed = tolerance(*backend, op);
    EXPECT_TRUE(close(run(*backend, op, inputs).floats(), expected.floats(), allowed)) << what;
    if (in_place_input(op) < 0) continue;
    const Tensor in_place = run(*backend, op, inputs, Output::in_place);
    EXPECT_TRUE(close(in_place.floats(), expected.floats(), allowed)) << what << " in place";
  }
}

/// That with each instruction set.
void compare_with_reference(const Op& op, const std::vector<Tensor>& inputs) {
  const Tensor expected = run(reference(), op, inputs);
  for (const int64_t target : vector_targets()) {
    const OnTarget only(target);
    SCOPED_TRACE("vector target " + std::to_string(target));
    compare_here(op, inputs, expected);
  }
}

std::vector<ActivationKind> all_activations() {
  std::vector<ActivationKind> kinds;
  for (const ActivationTraits& one : activations) kinds.push_back(one.kind);
  return kinds;
}

TEST(OddShapes, Activation) {
  for (const auto kind : all_activations())
    for (const int64_t count : {1, 7, 16, 33, 50'000})
      compare_with_reference(Activation{kind}, {random_tensor({count}, 1, 12, 4)});
}

TEST(OddShapes, Add) {
  for (const Shape& b : {Shape{3, 5, 7, 19},
                         {19},
                         {1, 19},
                         {3, 1, 1, 19},
                         {1, 5, 1, 19},
                         {7, 1},
                         {1},
                         {3, 1, 1, 1},
                         {5, 7, 19}})
    compare_with_reference(Add{}, {random_tensor({3, 5, 7, 19}, 1), random_tensor(b, 2)});
}

TEST(OddShapes, AddScaled) {
  compare_with_reference(AddScaled{2}, {random_tensor({3, 12'345}, 1),
                                        random_tensor({3, 12'345}, 2), random_tensor({3}, 3)});
}

TEST(OddShapes, Attention) {
  // Queries, keys, heads, head size.
  for (const auto& [queries, keys, heads, size] : {std::array{1, 1, 1, 1},
                                                   {1, 300, 2, 4},
                                                   {49, 129, 3, 5},
                                                   {77, 77, 2, 8},
                                                   {100, 77, 2, 40},
                                                   {70, 150, 1, 40},
                                                   {130, 90, 40, 40},  // as heads become more,
                                                   {200, 90, 40, 40},  // GPUs' tiles become larger
                                                   {130, 260, 1, 80},
                                                   {70, 90, 40, 80},
                                                   {130, 90, 40, 80},
                                                   {60, 1, 2, 64},
                                                   {130, 150, 2, 64},
                                                   {13, 140, 1, 160},
                                                   {50, 150, 1, 512},
                                                   {70, 90, 1, 33}})
    for (const bool causal : {false, true}) {
      const Attention op{.heads = heads, .head_size = size, .causal = causal};
      const int64_t width = heads * size;
      compare_with_reference(
          op, {random_tensor({2, queries, width}, 1, 3), random_tensor({2, keys, width}, 2, 3),
               random_tensor({2, keys, width}, 3)});
    }
}

template <class Pool>
void compare_pool() {
  for (const Pool op : {Pool{.size = 3, .stride = 2}, Pool{.size = 3, .stride = 1, .padding = 1},
                        Pool{.size = 5, .stride = 1}, Pool{.size = 1, .stride = 3}})
    compare_with_reference(op, {random_tensor({2, 5, 9, 19}, 1)});
}
TEST(OddShapes, AveragePool) { compare_pool<AveragePool>(); }
TEST(OddShapes, MaxPool) { compare_pool<MaxPool>(); }

TEST(OddShapes, DepthwiseConv2d) {
  for (const auto& [channels, kernel, stride] :
       {std::array{1, 3, 1}, {19, 3, 2}, {70, 5, 1}, {8, 1, 3}, {33, 5, 2}})
    for (const DepthwiseConv2d op :
         {DepthwiseConv2d{.stride = stride},
          DepthwiseConv2d{.stride = stride, .top = 1, .left = 2, .bottom = 2, .right = 1}}) {
      const Tensor x = random_tensor({2, 9, 13, channels}, 1),
                   weight = random_tensor({channels, 1, kernel, kernel}, 2);
      compare_with_reference(op, {x, weight});
      compare_with_reference(op, {x, weight, random_tensor({channels}, 3)});
    }
}

TEST(OddShapes, SigmoidGate) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, {2, 5, 9, 19}, {3, 40, 50, 72}})
    compare_with_reference(
        SigmoidGate{}, {random_tensor(shape, 1), random_tensor({shape[0], 1, 1, shape[3]}, 2, 3)});
}

TEST(OddShapes, SurfaceNormals) {
  for (const Shape& shape : {Shape{1, 4}, {2, 37, 41, 4}})
    compare_with_reference(SurfaceNormals{}, {random_tensor(shape, 1)});
}

TEST(OddShapes, Pixels) {
  for (const Shape& shape : {Shape{1, 2}, {2, 37, 41, 4}, {3, 2}}) {
    std::vector<uint8_t> bytes;
    for (int64_t i = 0; i < element_count(shape); ++i)
      bytes.push_back(static_cast<uint8_t>(i * 37));
    compare_with_reference(FromPixels{}, {byte_tensor(shape, bytes)});
    compare_with_reference(ToPixels{}, {random_tensor(shape, 1, 1.5f), tensor({1}, {127.5f})});
  }
}

TEST(OddShapes, LeakyRelu) {
  for (const Shape& shape : {Shape{1, 1}, {7, 19}, {2, 70, 90, 3}}) {
    const Tensor x = random_tensor(shape, 1);
    compare_with_reference(LeakyRelu{}, {x});
    compare_with_reference(LeakyRelu{}, {x, random_tensor({shape.back()}, 2)});
  }
}

TEST(OddShapes, MultiplyPlane) {
  for (const int64_t planes : {1, 2, 6})
    compare_with_reference(MultiplyPlane{},
                           {random_tensor({6, 5, 9, 19}, 1), random_tensor({planes, 5, 9, 1}, 2)});
}

TEST(OddShapes, SpatialMean) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, {2, 5, 9, 19}, {3, 40, 50, 70}})
    compare_with_reference(SpatialMean{}, {random_tensor(shape, 1, 1, 2)});
}

TEST(OddShapes, AttentionOnPartsOfWiderProducts) {
  const Tensor product = random_tensor({2, 61, 3 * 24 + 5}, 1, 2);
  compare_with_reference(
      Attention{.heads = 3, .head_size = 8, .q_column = 5, .k_column = 29, .v_column = 53},
      {product, product, product});
}

TEST(OddShapes, AttentionOfRowsThatShareKeys) {
  const Tensor pairs = random_tensor({2, 77, 2 * 40}, 2, 2);
  compare_with_reference(Attention{.heads = 2, .head_size = 20, .v_column = 40},
                         {random_tensor({6, 55, 40}, 1, 2), pairs, pairs});
}

TEST(OddShapes, AttentionWithLargeScores) {  // whose exponentials would overflow
  const Op op = Attention{.heads = 1, .head_size = 16};
  const std::vector<Tensor> inputs{random_tensor({1, 50, 16}, 1, 30),
                                   random_tensor({1, 200, 16}, 2, 30),
                                   random_tensor({1, 200, 16}, 3)};
  // Rounding scores near 1000 to float32 changes the weights by as much as 1e-4.
  for (const Backend* backend : backends()) {
    const auto own = rounded_for(*backend, op, inputs);
    EXPECT_TRUE(close(run(*backend, op, own).floats(), run(reference(), op, own).floats(),
                      std::max(1e-4, tolerance(*backend, op))))
        << backend->name();
  }
}

TEST(OddShapes, Concat) {
  const auto part = [](int64_t width, int seed) { return random_tensor({2, 9, 5, width}, seed); };
  compare_with_reference(Concat{-1}, {part(3, 1), part(320, 2), part(17, 3)});
  compare_with_reference(Concat{1}, {part(3, 1), part(3, 2)});
}

TEST(OddShapes, Conv2d) {
  // Batch, height, width, channels in and out, kernel, stride.
  for (const auto& [n, h, w, i, o, kernel, stride] : {std::array{1, 1, 1, 4, 4, 3, 1},
                                                      {1, 1, 1, 32, 32, 3, 1},
                                                      {2, 5, 7, 3, 16, 3, 1},
                                                      {4, 9, 11, 17, 5, 3, 1},
                                                      {1, 13, 6, 33, 48, 3, 1},
                                                      {3, 7, 7, 20, 64, 3, 2},
                                                      {1, 8, 9, 16, 33, 3, 2},
                                                      {2, 6, 5, 24, 40, 1, 1},
                                                      {1, 12, 12, 8, 3, 3, 1},
                                                      {2, 16, 24, 64, 64, 3, 1},
                                                      {1, 17, 31, 80, 96, 3, 1},
                                                      {1, 2, 3, 320, 4, 3, 1},
                                                      {1, 6, 6, 7, 9, 5, 1},
                                                      {2, 33, 18, 16, 16, 3, 1},
                                                      {4, 4, 4, 128, 96, 3, 1}}) {
    const int64_t pad = kernel / 2;
    Conv2d op{.stride = stride, .top = pad, .left = pad, .bottom = pad, .right = pad};
    const std::vector<Tensor> inputs{random_tensor({n, h, w, i}, 1),
                                     random_tensor({o, i, kernel, kernel}, 2),
                                     random_tensor({1, o}, 3)};
    compare_with_reference(op, inputs);
    op.epilogue.bias = false;
    compare_with_reference(op, {inputs[0], inputs[1]});
    const Shape out = run(reference(), op, {inputs[0], inputs[1]}).shape();
    op.epilogue.residual = true;
    compare_with_reference(op, {inputs[0], inputs[1], random_tensor(out, 4)});
  }
}

TEST(OddShapes, Conv2dPaddedOnOneSide) {
  const Tensor x = random_tensor({1, 10, 14, 16}, 1), weight = random_tensor({32, 16, 3, 3}, 2);
  compare_with_reference(Conv2d{.stride = 2, .bottom = 1, .right = 1, .epilogue = {.bias = false}},
                         {x, weight});
  compare_with_reference(Conv2d{.bottom = 1, .right = 1, .epilogue = {.bias = false}}, {x, weight});
  compare_with_reference(
      Conv2d{.top = 2, .left = 0, .bottom = 0, .right = 3, .epilogue = {.bias = false}},
      {x, weight});
  compare_with_reference(Conv2d{.epilogue = {.bias = false}}, {x, weight});
}

TEST(OddShapes, Conv2dEndsInActivation) {
  for (const auto kind : all_activations())
    for (const bool residual : {false, true}) {
      const Conv2d op{.top = 1,
                      .left = 1,
                      .bottom = 1,
                      .right = 1,
                      .epilogue = {.residual = residual, .activation = kind}};
      std::vector<Tensor> inputs{random_tensor({2, 9, 10, 32}, 1), random_tensor({40, 32, 3, 3}, 2),
                                 random_tensor({40}, 3)};
      if (residual) inputs.push_back(random_tensor({2, 9, 10, 40}, 4));
      compare_with_reference(op, inputs);
    }
}

TEST(OddShapes, GatedGelu) {
  for (const Shape& x : {Shape{1, 2}, {5, 38}, {2, 3, 64}, {70, 2560}})
    compare_with_reference(GatedGelu{}, {random_tensor(x, 1, 6)});
}

TEST(OddShapes, GroupNorm) {
  for (const auto kind : {ActivationKind::none, ActivationKind::silu})
    for (const Shape& x : {Shape{1, 1, 1, 32},
                           {3, 5, 7, 64},
                           {2, 13, 11, 96},
                           {1, 40, 3, 320},
                           {4, 6, 12, 4},
                           {2, 9, 36}})
      compare_with_reference(
          GroupNorm{.groups = x.back() % 32 == 0 ? 32 : 4, .activation = kind},
          {random_tensor(x, 1, 2), random_tensor({x.back()}, 2), random_tensor({x.back()}, 3)});
}

TEST(OddShapes, NormsOfValuesFarFromZero) {  // where sums of squares would cancel
  const Tensor gamma = random_tensor({64}, 2), beta = random_tensor({64}, 3);
  const Tensor x = random_tensor({1, 50, 30, 64}, 1, 1, 100);
  for (const Backend* backend : backends())
    for (const Op& op : {Op(GroupNorm{}), Op(LayerNorm{})}) {
      const auto own = rounded_for(*backend, op, {x, gamma, beta});
      // Rounding the mean of values near 100 to float32 costs 4e-6.
      EXPECT_TRUE(close(run(*backend, op, own).floats(), run(reference(), op, own).floats(),
                        std::max(2e-5, tolerance(*backend, op))))
          << backend->name();
    }
}

TEST(OddShapes, LayerNorm) {
  for (const Shape& x : {Shape{1, 3}, {5, 17}, {2, 77, 768}, {50, 320}, {3, 1280}})
    compare_with_reference(LayerNorm{}, {random_tensor(x, 1, 2), random_tensor({x.back()}, 2),
                                         random_tensor({x.back()}, 3)});
}

TEST(OddShapes, Linear) {
  for (const auto& [rows, in, out] : {std::array{1, 1, 1},
                                      {1, 320, 1280},
                                      {3, 17, 5},
                                      {13, 33, 48},
                                      {77, 64, 100},
                                      {154, 768, 40},
                                      {100, 80, 37},
                                      {7, 1000, 16}})
    for (const auto kind : all_activations())
      for (const bool residual : {false, true}) {
        std::vector<Tensor> inputs{random_tensor({1, rows, in}, 1), random_tensor({out, in}, 2),
                                   random_tensor({out}, 3)};
        if (residual) inputs.push_back(random_tensor({1, rows, out}, 4));
        compare_with_reference(Linear{.epilogue = {.residual = residual, .activation = kind}},
                               inputs);
      }
}

TEST(OddShapes, WeightsThatAreNotConstantAreTakenAsTheyAre) {
  const Conv2d conv{.top = 1, .left = 1, .bottom = 1, .right = 1, .epilogue = {.bias = false}};
  const std::vector<Tensor> pictures{random_tensor({1, 8, 8, 32}, 1),
                                     random_tensor({32, 32, 3, 3}, 2)};
  const std::vector<Tensor> rows{random_tensor({9, 32}, 1), random_tensor({32, 32}, 2)};
  const Linear linear{.epilogue = {.bias = false}};
  for (const Backend* backend : backends()) {
    if (!backend->shares_host_memory()) continue;  // a GPU packs all weights
    EXPECT_TRUE(close(run(*backend, conv, pictures, {false, false}).floats(),
                      run(reference(), conv, pictures).floats(), 1e-5));
    EXPECT_TRUE(close(run(*backend, linear, rows, {false, false}).floats(),
                      run(reference(), linear, rows).floats(), 1e-5));
  }
}

TEST(OddShapes, Blend) {
  for (const bool channels_last : {false, true}) {
    const Shape shape = channels_last ? Shape{6, 5, 7, 4} : Shape{6, 4, 5, 7};
    compare_with_reference(
        Blend{channels_last},
        {random_tensor(shape, 1), random_tensor({3, 1, 5, 7}, 2), random_tensor({3, 4, 5, 7}, 3),
         random_tensor({6, 4, 5, 7}, 4), random_tensor({4, 3}, 5), ids_tensor({1}, {2})});
  }
}

TEST(OddShapes, SoftBlend) {
  for (const bool guided : {false, true}) {
    Tensor mask = make_tensor({3, 1, 5, 7}, random_tensor({3, 1, 5, 7}, 2).floats());
    for (float& value : mask.mutable_floats()) value = std::min(std::abs(value), 1.0f);
    std::vector<Tensor> inputs{random_tensor({guided ? 6 : 3, 5, 7, 4}, 1),
                               random_tensor({6, 4, 5, 7}, 3),
                               mask,
                               random_tensor({3, 4, 5, 7}, 4),
                               tensor({2, 6}, {0, 1, 0, 0, 0, 0, 0.7f, 4, 1.25f, -0.5f, -2, 1.5f}),
                               ids_tensor({1}, {1})};
    if (guided) inputs.push_back(random_tensor({3}, 5));
    compare_with_reference(SoftBlend{guided}, inputs);
  }
}

TEST(OddShapes, RescaleGuidance) {
  for (const int64_t latents : {1, 3})
    compare_with_reference(RescaleGuidance{},
                           {random_tensor({2 * latents, 5, 7, 4}, 1), random_tensor({latents}, 2),
                            tensor({latents}, std::vector<float>(latents, 0.7f))});
}

TEST(OddShapes, SamplerUpdate) {
  for (const int64_t slots : {1, 4, 5, 8})
    for (const bool guided : {false, true})
      for (const bool noise : {false, true}) {
        std::vector<Tensor> inputs{
            random_tensor({slots * 3, 4, 5, 7}, 1), random_tensor({guided ? 6 : 3, 5, 7, 4}, 2),
            random_tensor({6, slots * (slots + 2)}, 3), ids_tensor({1}, {5})};
        if (guided) inputs.push_back(random_tensor({3}, 4));
        if (noise) inputs.push_back(random_tensor({4 * 3, 4, 5, 7}, 5));
        compare_with_reference(SamplerUpdate{guided, noise}, inputs);
      }
}

TEST(OddShapes, Upsample) {
  for (const auto& [h, w, height, width] : {std::array{1, 1, 2, 2}, {3, 5, 6, 10}, {3, 5, 5, 9}})
    compare_with_reference(Upsample{.height = height, .width = width},
                           {random_tensor({2, h, w, 19}, 1)});
}

TEST(OddShapes, Permute) {
  compare_with_reference(Permute{{0, 2, 3, 1}}, {random_tensor({2, 19, 5, 7}, 1)});
  compare_with_reference(Permute{{2, 0, 3, 1}}, {random_tensor({2, 19, 5, 7}, 1)});
}

TEST(OddShapes, SameBytesEveryTime) {
  const auto bytes = [](const Backend& backend, const Op& op, const std::vector<Tensor>& inputs) {
    const Tensor out = run(backend, op, inputs);
    return std::vector<std::byte>(out.bytes().begin(), out.bytes().end());
  };
  const Tensor x = random_tensor({2, 24, 20, 64}, 1), rows = random_tensor({2, 480, 64}, 1);
  const std::vector<std::pair<Op, std::vector<Tensor>>> cases{
      {Conv2d{.top = 1, .left = 1, .bottom = 1, .right = 1, .epilogue = {.bias = false}},
       {x, random_tensor({64, 64, 3, 3}, 2)}},
      {GroupNorm{}, {x, random_tensor({64}, 2), random_tensor({64}, 3)}},
      {Attention{.heads = 4, .head_size = 16}, {rows, rows, rows}},
      {Linear{.epilogue = {.bias = false}}, {rows, random_tensor({256, 64}, 2)}}};
  for (const Backend* backend : backends())
    for (const auto& [op, inputs] : cases)
      for (int i = 0; i < 3; ++i)
        EXPECT_EQ(bytes(*backend, op, inputs), bytes(*backend, op, inputs)) << to_string(op);
}

}  // namespace
}  // namespace drypoint
