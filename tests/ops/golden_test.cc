// Every operation on every backend against values worked out by hand.
#include <cmath>

#include "support/op_runner.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

void expect_everywhere(const Op& op, const std::vector<Tensor>& inputs,
                       const std::vector<float>& expected, const Shape& shape) {
  for (const Backend* backend : backends()) {
    const Tensor actual = run(*backend, op, inputs);
    EXPECT_EQ(actual.shape(), shape) << backend->name();
    EXPECT_TRUE(close(actual.floats(), expected, std::max(1e-6, tolerance(*backend, op))))
        << backend->name() << " " << to_string(op);
  }
}

/// Those that can look at a number before they use it.
std::vector<const Backend*> host_backends() {
  std::vector<const Backend*> some;
  for (const Backend* backend : backends())
    if (backend->shares_host_memory()) some.push_back(backend);
  return some;
}

Tensor tensor(Shape shape, std::vector<float> values) {
  return make_tensor(std::move(shape), values);
}

constexpr float e = 2.71828183f;

TEST(Golden, Activation) {
  const Tensor x = tensor({4}, {-1, 0, 1, 2});
  expect_everywhere(Activation{ActivationKind::silu}, {x},
                    {-1 / (1 + e), 0, 1 / (1 + 1 / e), 2 / (1 + 1 / (e * e))}, {4});
  // Phi(1) = 0.841344746, Phi(2) = 0.977249868
  expect_everywhere(Activation{ActivationKind::gelu}, {x},
                    {-0.158655254f, 0, 0.841344746f, 1.954499736f}, {4});
  expect_everywhere(Activation{ActivationKind::relu}, {x}, {0, 0, 1, 2}, {4});
  expect_everywhere(Activation{ActivationKind::quick_gelu}, {x},
                    {-0.154204234f, 0, 0.845795766f, 1.935658623f}, {4});
}

TEST(Golden, Pools) {
  // Two channels, the second ten times the first; a window in the corner sees 2x2 values.
  const Tensor x = tensor({1, 2, 3, 2}, {1, 10, 2, 20, 3, 30, -4, -40, 5, 50, 6, 60});
  expect_everywhere(MaxPool{.size = 2}, {x}, {5, 50, 6, 60}, {1, 1, 2, 2});
  expect_everywhere(AveragePool{.size = 2}, {x}, {1, 10, 4, 40}, {1, 1, 2, 2});
  expect_everywhere(MaxPool{.size = 3, .stride = 2, .padding = 1}, {x}, {5, 50, 6, 60},
                    {1, 1, 2, 2});
  expect_everywhere(AveragePool{.size = 3, .stride = 2, .padding = 1}, {x}, {1, 10, 4, 40},
                    {1, 1, 2, 2});
}

TEST(Golden, Add) {
  const Tensor a = tensor({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_everywhere(Add{}, {a, tensor({1, 2}, {10, 20})}, {11, 22, 13, 24, 15, 26, 17, 28},
                    {2, 1, 2, 2});
  expect_everywhere(Add{}, {a, tensor({2, 1, 1, 2}, {10, 20, 30, 40})},
                    {11, 22, 13, 24, 35, 46, 37, 48}, {2, 1, 2, 2});
  expect_everywhere(Add{}, {a, tensor({2, 1}, {10, 20})}, {11, 12, 23, 24, 15, 16, 27, 28},
                    {2, 1, 2, 2});
  expect_everywhere(Add{}, {a, a}, {2, 4, 6, 8, 10, 12, 14, 16}, {2, 1, 2, 2});
}

TEST(Golden, AddScaled) {
  expect_everywhere(AddScaled{1},
                    {tensor({2}, {1, 2}), tensor({2}, {10, 20}), tensor({3}, {9, 0.5f, 9})},
                    {6, 12}, {2});
}

TEST(Golden, DepthwiseConv2d) {
  expect_everywhere(DepthwiseConv2d{},
                    {tensor({1, 2, 2, 2}, {1, 10, 2, 20, 3, 30, 4, 40}),
                     tensor({2, 1, 2, 1}, {1, 1, 1, -1}), tensor({2}, {0.5f, 0})},
                    {4.5f, -20, 6.5f, -20}, {1, 1, 2, 2});
}

TEST(Golden, SigmoidGate) {
  expect_everywhere(SigmoidGate{},
                    {tensor({2, 1, 2, 1}, {2, 4, 6, 8}), tensor({2, 1, 1, 1}, {0, std::log(3.0f)})},
                    {1, 2, 4.5f, 6}, {2, 1, 2, 1});
}

TEST(Golden, SurfaceNormals) {
  expect_everywhere(SurfaceNormals{}, {tensor({2, 4}, {3, 0, 4, 0, 0, 2, 0, 1})},
                    {0.6f, 0, 0.8f, 1.01f, 0, 1, 0, 2.01f}, {2, 4});
}

TEST(Golden, FromPixels) {
  // Two pixels of two channels, the second masked.
  expect_everywhere(FromPixels{}, {byte_tensor({1, 2, 3}, {0, 255, 0, 51, 102, 128})},
                    {0, 1, -1, -1}, {1, 2, 2});
  expect_everywhere(FromPixels{}, {byte_tensor({3, 2}, {51, 127, 51, 0, 204, 255})},
                    {0.2f, 0.2f, -1}, {3, 1});
}

TEST(Golden, ToPixels) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = tensor({4, 2}, {-1, 1, 0, 0.5f, -3, 2, std::nanf(""), -infinity});
  expect_everywhere(ToPixels{}, {x, tensor({1}, {127.5f})},
                    {0, 255, 255, 127, 191, 255, 0, 255, 255, 0, 0, 0}, {4, 3});
  expect_everywhere(ToPixels{}, {x, tensor({1}, {128})},
                    {0, 255, 255, 128, 191, 255, 0, 255, 255, 0, 0, 0}, {4, 3});
}

TEST(Golden, LeakyRelu) {
  const Tensor x = tensor({2, 2}, {-1, 2, 3, -4});
  expect_everywhere(LeakyRelu{.slope = 0.25f}, {x}, {-0.25f, 2, 3, -1}, {2, 2});
  expect_everywhere(LeakyRelu{}, {x, tensor({2}, {0.5f, -2})}, {-0.5f, 2, 3, 8}, {2, 2});
}

TEST(Golden, MultiplyPlane) {
  const Tensor x = tensor({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_everywhere(MultiplyPlane{}, {x, tensor({1, 1, 2, 1}, {2, 0.5f})},
                    {2, 4, 1.5f, 2, 10, 12, 3.5f, 4}, {2, 1, 2, 2});
  expect_everywhere(MultiplyPlane{}, {x, tensor({2, 1, 2, 1}, {1, 0, 0, -1})},
                    {1, 2, 0, 0, 0, 0, -7, -8}, {2, 1, 2, 2});
}

TEST(Golden, SpatialMean) {
  expect_everywhere(SpatialMean{}, {tensor({2, 2, 1, 2}, {1, 10, 3, 30, -1, 0, 5, 4})},
                    {2, 20, 2, 20, 2, 2, 2, 2}, {2, 2, 1, 2});
}

TEST(Golden, Attention) {
  // Scores of query 0 are 0 and ln 3 (after division by sqrt(4)), of query 1 both 0.
  const float l = std::log(3.0f);
  const Tensor q = tensor({1, 2, 4}, {2, 0, 0, 0, 0, 1, 0, 0});
  const Tensor k = tensor({1, 2, 4}, {0, 0, 1, 1, l, 0, 1, 1});
  const Tensor v = tensor({1, 2, 4}, {4, 0, 8, 1, 8, 4, 0, 1});
  expect_everywhere(Attention{.heads = 1, .head_size = 4}, {q, k, v}, {7, 3, 2, 1, 6, 2, 4, 1},
                    {1, 2, 4});
  expect_everywhere(Attention{.heads = 1, .head_size = 4, .causal = true}, {q, k, v},
                    {4, 0, 8, 1, 6, 2, 4, 1}, {1, 2, 4});
  // Two heads of one column: v's for zero scores are means.
  expect_everywhere(Attention{.heads = 2, .head_size = 1, .q_column = 2, .v_column = 1},
                    {tensor({1, 1, 4}, {5, 5, 0, 0}), k, v}, {2, 4}, {1, 1, 2});
}

TEST(Golden, Concat) {
  const Tensor a = tensor({2, 1}, {1, 2}), b = tensor({2, 2}, {3, 4, 5, 6});
  expect_everywhere(Concat{-1}, {a, b}, {1, 3, 4, 2, 5, 6}, {2, 3});
  expect_everywhere(Concat{0}, {b, b}, {3, 4, 5, 6, 3, 4, 5, 6}, {4, 2});
}

TEST(Golden, Conv2d) {
  const Tensor x = tensor({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor ones = tensor({1, 1, 3, 3}, std::vector<float>(9, 1)), bias = tensor({1}, {100});
  expect_everywhere(Conv2d{.top = 1, .left = 1, .bottom = 1, .right = 1}, {x, ones, bias},
                    {112, 121, 116, 127, 145, 133, 124, 139, 128}, {1, 3, 3, 1});
  // Stride 2 with padding below and to the right only, as the VAE's encoder halves.
  expect_everywhere(Conv2d{.stride = 2, .bottom = 1, .right = 1, .epilogue = {.bias = false}},
                    {x, tensor({1, 1, 3, 3}, {1, 0, 0, 0, 0, 0, 0, 0, 10})}, {91}, {1, 1, 1, 1});
  // Which weight belongs to which channel: out = (a + 2 b, 3 a + 4 b) + residual.
  expect_everywhere(Conv2d{.epilogue = {.bias = false, .residual = true}},
                    {tensor({1, 1, 2, 2}, {1, 10, 2, 20}), tensor({2, 2, 1, 1}, {1, 2, 3, 4}),
                     tensor({1, 1, 2, 2}, {1000, 2000, 3000, 4000})},
                    {1021, 2043, 3042, 4086}, {1, 1, 2, 2});
}

TEST(Golden, Cast) {
  expect_everywhere(Cast{DType::f32}, {tensor({2}, {1, -0.5f})}, {1, -0.5f}, {2});
}

TEST(Golden, Embedding) {
  const Tensor table = tensor({3, 2}, {1, 2, 3, 4, 5, 6});
  expect_everywhere(Embedding{}, {ids_tensor({1, 2}, {2, 0}), table}, {5, 6, 1, 2}, {1, 2, 2});
  for (const Backend* backend : host_backends())
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"embedding", "id 3", "0 to 2"}, [&] {
      run(*backend, Embedding{}, {ids_tensor({1}, {3}), table});
    }));
}

TEST(Golden, Expand) {
  expect_everywhere(Expand{2}, {tensor({1, 2}, {1, 2})}, {1, 2, 1, 2}, {2, 2});
}

TEST(Golden, GatedGelu) {
  expect_everywhere(GatedGelu{}, {tensor({1, 4}, {3, 4, 1, 2})}, {2.524034237f, 7.817998946f},
                    {1, 2});
}

TEST(Golden, GroupNorm) {
  // Group 0: channels 0 and 1, mean 4, variance 5; group 1: mean 0, variance 4.
  const Tensor x = tensor({1, 2, 4}, {1, 3, 2, -2, 5, 7, -2, 2});
  const float s = 1 / std::sqrt(5.0f);
  expect_everywhere(GroupNorm{.groups = 2, .epsilon = 0},
                    {x, tensor({4}, {1, 2, 1, 1}), tensor({4}, {0, 0, 10, 0})},
                    {-3 * s, -2 * s, 11, -1, s, 6 * s, 9, 1}, {1, 2, 4});
}

TEST(Golden, Increment) {
  for (const Backend* backend : backends()) {
    const Tensor next = run(*backend, Increment{}, {ids_tensor({1}, {41})});
    EXPECT_EQ(*reinterpret_cast<const int32_t*>(next.bytes().data()), 42) << backend->name();
  }
}

TEST(Golden, LayerNorm) {
  const float s = 1 / std::sqrt(5.0f);
  expect_everywhere(
      LayerNorm{.epsilon = 0},
      {tensor({1, 4}, {1, 3, 5, 7}), tensor({4}, {1, 1, 1, 2}), tensor({4}, {0, 0, 5, 0})},
      {-3 * s, -s, 5 + s, 6 * s}, {1, 4});
}

TEST(Golden, Linear) {
  const Tensor x = tensor({2, 2}, {1, 2, 3, 4}), weight = tensor({3, 2}, {1, 0, 0, 1, 1, 1});
  expect_everywhere(Linear{}, {x, weight, tensor({1, 3}, {10, 20, 30})}, {11, 22, 33, 13, 24, 37},
                    {2, 3});
  expect_everywhere(Linear{.epilogue = {.bias = false, .residual = true}},
                    {x, weight, tensor({2, 3}, {1, 1, 1, 2, 2, 2})}, {2, 3, 4, 5, 6, 9}, {2, 3});
}

TEST(Golden, Permute) {
  expect_everywhere(Permute{{1, 0}}, {tensor({2, 3}, {1, 2, 3, 4, 5, 6})}, {1, 4, 2, 5, 3, 6},
                    {3, 2});
}

TEST(Golden, Reshape) {
  expect_everywhere(Reshape{{4}}, {tensor({2, 2}, {1, 2, 3, 4})}, {1, 2, 3, 4}, {4});
}

TEST(Golden, Blend) {
  // One latent of two pixels and two channels, in two slots. Row 1 keeps 0.5 known + 2 other.
  const Tensor mask = tensor({1, 1, 1, 2}, {1, 0}), known = tensor({1, 2, 1, 2}, {8, 8, 4, 2}),
               other = tensor({1, 2, 1, 2}, {9, 1, 9, 3}),
               rows = tensor({3, 3}, {9, 9, 0, 0.5f, 2, 1, 9, 9, 9});
  const Tensor slots = tensor({2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_everywhere(Blend{}, {slots, mask, known, other, rows, ids_tensor({1}, {1})},
                    {1, 6, 3, 7, 5, 6, 7, 8}, {2, 2, 1, 2});
  // The same of two predictions of it, channels last; and where nothing is kept.
  const Tensor outputs = tensor({2, 1, 2, 2}, {1, 3, 2, 4, 5, 7, 6, 8});
  expect_everywhere(Blend{.channels_last = true},
                    {outputs, mask, known, other, rows, ids_tensor({1}, {1})},
                    {1, 3, 6, 7, 5, 7, 6, 7}, {2, 1, 2, 2});
  expect_everywhere(Blend{.channels_last = true},
                    {outputs, mask, known, other, rows, ids_tensor({1}, {0})},
                    {1, 3, 2, 4, 5, 7, 6, 8}, {2, 1, 2, 2});
}

TEST(Golden, RescaleGuidance) {
  // Two latents of two values. Guided 1 + 3 (2 - 1) = 4 and 1 + 3 (4 - 1) = 10, which deviate by 3
  // where the prompt's deviate by 1: half of that is taken, so times 0.5 / 3 + 0.5 = 2/3. The
  // second is not rescaled.
  const Tensor outputs = tensor({4, 1, 1, 2}, {1, 1, 0, 1, 2, 4, 2, 3});
  expect_everywhere(RescaleGuidance{}, {outputs, tensor({2}, {3, 2}), tensor({2}, {0.5f, 0})},
                    {8.0f / 3, 20.0f / 3, 4, 5}, {2, 1, 1, 2});
}

TEST(Golden, SoftBlend) {
  // One latent of four pixels and two channels. Row 1: t is the mask's square root, lengths are
  // meant as squares are, clean = 2 seen - output, and what is given is 3 clean + seen.
  const Tensor rows = tensor({2, 6}, {9, 9, 9, 9, 9, 9, 0.5f, 2, 2, -1, 3, 1});
  const Tensor mask = tensor({1, 1, 1, 4}, {0, 1, 0.25f, 0.25f}),
               known = tensor({1, 2, 1, 4}, {3, 3, 3, 0, 4, 4, 0, 0}),
               slots = tensor({1, 2, 1, 4}, {1, 1, 1, 0, 1, 1, 1, 0});
  // Drawn: (0, 1), (0, 1), (0, 4), (0, 0). The third is (1.5, 2), 2.5 long, made sqrt(12.5) long.
  const Tensor output = tensor({1, 1, 4, 2}, {2, 1, 2, 1, 2, -2, 0, 0});
  const float of_known = 5 / 5.00001f, of_drawn = 1 / 1.00001f,
              of_both = std::sqrt(12.5f) / 2.50001f;
  const std::vector<float> expected{1 + 9 * of_known,   1 + 12 * of_known, 1, 1 + 3 * of_drawn,
                                    1 + 4.5f * of_both, 1 + 6 * of_both,   0, 0};
  const Tensor step = ids_tensor({1}, {1});
  expect_everywhere(SoftBlend{}, {output, slots, mask, known, rows, step}, expected, {1, 1, 4, 2});
  // The same by guidance: 0 + 2 (half of it - 0).
  const Tensor outputs =
      tensor({2, 1, 4, 2}, {0, 0, 0, 0, 0, 0, 0, 0, 1, .5f, 1, .5f, 1, -1, 0, 0});
  expect_everywhere(SoftBlend{.guided = true},
                    {outputs, slots, mask, known, rows, step, tensor({1}, {2})}, expected,
                    {1, 1, 4, 2});
}

TEST(Golden, SamplerUpdate) {
  // One slot of two channels of two pixels; output -1 + 2 (0 - -1) = 1 and 0 + 2 (3 - 0) = 6.
  const Tensor slot = tensor({1, 2, 1, 2}, {5, 5, 7, 9}),
               outputs = tensor({2, 1, 2, 2}, {-1, 0, -1, 0, 0, 3, 0, 3}),
               rows = tensor({2, 3}, {9, 9, 9, 0.5f, -0.25f, 9});
  expect_everywhere(SamplerUpdate{.guided = true},
                    {slot, outputs, rows, ids_tensor({1}, {1}), tensor({1}, {2})},
                    {2.25f, 2.25f, 2, 3}, {1, 2, 1, 2});
  // Three slots of two latents, each with a guidance scale of its own: outputs 10 and 24. Step 3 of
  // 4 takes the second of two noises.
  std::vector<float> table(60, 9);
  const float last_row[] = {1, 10, 0, 0, 0,  //
                            0, 0,  1, 1, 0,  //
                            1, 0,  0, 0, 100};
  std::copy(std::begin(last_row), std::end(last_row), table.end() - 15);
  expect_everywhere(
      SamplerUpdate{.guided = true, .noise = true},
      {tensor({6, 1, 1, 1}, {1, 2, 3, 4, 5, 6}), tensor({4, 1, 1, 1}, {0, 20, 10, 22}),
       tensor({4, 15}, table), ids_tensor({1}, {3}), tensor({2}, {1, 2}),
       tensor({4, 1, 1, 1}, {7, 7, 0.25f, 0.5f})},
      {31, 42, 15, 30, 26, 52}, {6, 1, 1, 1});
}

TEST(Golden, Select) {
  const Tensor table = tensor({3, 2}, {1, 2, 3, 4, 5, 6});
  expect_everywhere(Select{}, {table, ids_tensor({1}, {1})}, {3, 4}, {1, 2});
  for (const Backend* backend : host_backends())
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"select", "row -1", "0 to 2"}, [&] {
      run(*backend, Select{}, {table, ids_tensor({1}, {-1})});
    }));
}

TEST(Golden, Slice) {
  expect_everywhere(Slice{.begin = 1, .count = 2}, {tensor({4, 1}, {1, 2, 3, 4})}, {2, 3}, {2, 1});
}

TEST(Golden, TimestepEmbedding) {
  // Frequencies 1 and 1/100.
  expect_everywhere(TimestepEmbedding{4}, {tensor({1}, {50})},
                    {0.964966028f, 0.877582562f, -0.262374854f, 0.479425539f}, {1, 4});
}

TEST(Golden, Upsample) {
  expect_everywhere(Upsample{.height = 3, .width = 4}, {tensor({1, 2, 2, 1}, {1, 2, 3, 4})},
                    {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4}, {1, 3, 4, 1});
}

TEST(Golden, UnsupportedTypesAreNamed) {
  const TensorType half{DType::f16, {2}};
  for (const Backend* backend : host_backends())
    EXPECT_TRUE(
        fails_with(ErrorKind::unsupported, {"block.0", "activation", "f16", backend->name()}, [&] {
          const Op op = Activation{};
          backend->kernel({op, {half}, half, {false}, "block.0"});
        }));
}

}  // namespace
}  // namespace drypoint
