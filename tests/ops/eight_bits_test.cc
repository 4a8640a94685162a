// Operations of eight bits, on the backends that have them, against the reference's, which rounds
// and computes in float32.
#include <algorithm>
#include <cmath>

#include "support/op_runner.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

constexpr DType types[] = {DType::f8, DType::i8};

Tensor scales_of(std::vector<float> scales) {
  return make_tensor({static_cast<int64_t>(scales.size())}, scales);
}

/// x of eight bits, as the reference rounds it by these scales.
Tensor quantized(const Tensor& x, DType type, const Tensor& scales) {
  return run(reference(), Quantize{type}, {x, scales}, {false, false});
}

/// On all backends that have the type and the form. Of values that are rounded again, a few may
/// fall on the other side of a border: one step off, which is an eighth at most of f8. Its small
/// values may be off by several, since a backend's own error is a part of the largest.
void compare(DType type, const Op& op, const std::vector<Tensor>& inputs,
             const std::vector<bool>& constant, int64_t pictures = 1) {
  const Tensor expected = run(reference(), op, inputs, constant);
  for (const Backend* backend : backends()) {
    if (!has_type(*backend, type) || !has_forms(backend->target().fused, op)) continue;
    const Tensor actual = run(*backend, op, inputs, constant, Output::own_memory, pictures);
    if (is_float(expected.dtype())) {
      EXPECT_TRUE(close(actual.floats(), expected.floats(), tolerance(*backend, op)))
          << backend->name() << ": " << describe(op, inputs);
      continue;
    }
    ASSERT_EQ(actual.type(), expected.type());
    const Tensor a = actual.to_f32(), b = expected.to_f32();
    size_t others = 0, far = 0;
    const float most =
        std::fabs(*std::ranges::max_element(b.floats(), {}, [](float y) { return std::fabs(y); }));
    const auto own = static_cast<float>(tolerance(*backend, op)) * most;
    for (size_t i = 0; i < a.floats().size(); ++i) {
      const float x = a.floats()[i], y = b.floats()[i];
      others += x != y;
      far +=
          std::fabs(x - y) > own + std::max(type == DType::i8 ? 1.01f : 0x1p-9f, std::fabs(y) / 7);
    }
    const bool is_exact = backend->target().precision == DType::f32;
    EXPECT_LE(static_cast<double>(others),
              static_cast<double>(a.floats().size()) * (is_exact ? 0.01 : 0.1))
        << backend->name() << ": " << describe(op, inputs);
    EXPECT_EQ(far, 0u) << backend->name() << ": " << describe(op, inputs);
  }
}

TEST(EightBits, AreRoundedToNearestAndCut) {
  const auto f8 = [](float x) { return from_eight_bits(to_eight_bits(x, DType::f8), DType::f8); };
  for (int bits = 0; bits < 256; ++bits) {  // all values are themselves
    if ((bits & 0x7f) == 0x7f) continue;    // not a number
    const float value = from_eight_bits(static_cast<uint8_t>(bits), DType::f8);
    EXPECT_EQ(to_eight_bits(value, DType::f8), bits) << value;
  }
  EXPECT_EQ(from_eight_bits(0x7e, DType::f8), 448);
  EXPECT_EQ(from_eight_bits(0x01, DType::f8), 0x1p-9f);
  EXPECT_EQ(f8(1e9f), 448);
  EXPECT_EQ(f8(-1e9f), -448);
  EXPECT_EQ(f8(1.0625f), 1);           // between 1 and 1.125: the even one
  EXPECT_EQ(f8(1.1875f), 1.25f);       // between 1.125 and 1.25
  EXPECT_EQ(f8(1.97f), 2);             // into the next exponent
  EXPECT_EQ(f8(0x1.8p-10f), 0x1p-9f);  // subnormal
  EXPECT_EQ(f8(0x1p-10f), 0);          // between 0 and the smallest: the even one
  EXPECT_EQ(static_cast<int8_t>(to_eight_bits(-128, DType::i8)), -127);
  EXPECT_EQ(static_cast<int8_t>(to_eight_bits(2.5f, DType::i8)), 2);
  EXPECT_EQ(static_cast<int8_t>(to_eight_bits(3.5f, DType::i8)), 4);
  EXPECT_EQ(scale_of(std::vector<float>{-254, 3}, DType::i8), 2);
  EXPECT_EQ(scale_of(std::vector<float>{0, 0}, DType::i8), 1);
}

TEST(EightBits, ByHand) {
  // Rows of x and w with scales of their own: (2 * [3 -1]) ([1 0.5] as i8 with the scale 1 / 127)'.
  const Tensor x =
      quantized(make_tensor({1, 2}, std::vector<float>{6, -2}), DType::i8, scales_of({2}));
  const Tensor out = run(reference(), Linear{.epilogue = {.bias = false, .dequantize = true}},
                         {x, make_tensor({1, 2}, std::vector<float>{1, 0.5f}), scales_of({2})},
                         {false, true, false});
  EXPECT_NEAR(out.floats()[0], 2 * (3 - 64.0 / 127), 1e-6);
}

TEST(EightBits, QuantizeAndScales) {
  for (const DType type : types)
    for (const Shape& shape : {Shape{2, 7, 5, 48}, {4, 77, 320}, {6, 8}}) {
      const Tensor x = random_tensor(shape, 1, 3);
      const int64_t rows = x.type().elements() / shape.back();
      compare(type, Scales{type, rows}, {x}, {false});
      for (const int64_t shares : {int64_t{1}, int64_t{2}, rows}) {
        const Tensor scales = random_tensor({shares}, 2, 0.01f, 0.02f);
        compare(type, Quantize{type}, {x, scales}, {false, false});
      }
    }
}

TEST(EightBits, Linear) {
  // Rows a group, channels, columns.
  for (const DType type : types)
    for (const auto& [rows, in, out] :
         {std::array{96, 320, 320}, {24, 1280, 1280}, {77, 64, 80}, {200, 48, 128}, {5, 960, 32}})
      for (const int64_t groups : {1, 2}) {
        const Shape shape{groups, rows, in}, result{groups, rows, out};
        const Tensor weight = random_tensor({groups * out, in}, 2),
                     bias = random_tensor({groups * out}, 3);
        for (const int64_t shares : {groups, groups * rows}) {
          const Tensor scales = random_tensor({shares}, 5, 0.002f, 0.01f),
                       x = quantized(random_tensor(shape, 1), type, scales);
          compare(type, Linear{.epilogue = {.dequantize = true}, .groups = groups},
                  {x, weight, bias, scales}, {false, true, true, false});
          compare(type,
                  Linear{.epilogue = {.residual = true, .dequantize = true}, .groups = groups},
                  {x, weight, bias, random_tensor(result, 4), scales},
                  {false, true, true, false, false});
          compare(type,
                  Linear{.epilogue = {.gate = true, .dequantize = true, .quantize = type},
                         .groups = groups},
                  {x, weight, bias, scales, random_tensor({groups}, 6, 0.001f, 0.1f)},
                  {false, true, true, false, false});
        }
      }
}

TEST(EightBits, Conv2d) {
  // Pictures a group, height, width, channels in and out, stride.
  for (const DType type : types)
    for (const auto& [n, h, w, in, out, stride] : {std::array{1, 8, 12, 320, 320, 1},
                                                   {2, 5, 7, 64, 48, 1},
                                                   {1, 9, 13, 96, 64, 2},
                                                   {1, 4, 6, 640, 32, 1}})
      for (const int64_t groups : {1, 2}) {
        const Tensor scales = random_tensor({groups}, 5, 0.002f, 0.01f);
        const Tensor x = quantized(random_tensor({groups * n, h, w, in}, 1), type, scales);
        const Conv2d op{.stride = stride,
                        .top = 1,
                        .left = 1,
                        .bottom = 1,
                        .right = 1,
                        .epilogue = {.dequantize = true},
                        .groups = groups};
        compare(type, op,
                {x, random_tensor({groups * out, in, 3, 3}, 2), random_tensor({groups * out}, 3),
                 scales},
                {false, true, true, false}, n);
      }
}

TEST(EightBits, Norms) {
  for (const DType type : types)
    for (const int64_t groups : {1, 2}) {
      const Tensor scales = random_tensor({groups}, 7, 0.001f, 0.03f);
      const auto parameters = [&](int64_t channels) {
        return std::pair(random_tensor({groups * channels}, 2),
                         random_tensor({groups * channels}, 3));
      };
      for (const Shape& shape : {Shape{4, 6, 8, 320}, {2, 5, 7, 64}, {2, 16, 24, 640}}) {
        const auto [gamma, beta] = parameters(shape.back());
        compare(type,
                GroupNorm{.groups = 32,
                          .activation = ActivationKind::silu,
                          .weight_groups = groups,
                          .quantize = type},
                {random_tensor(shape, 1), gamma, beta, scales}, {false, true, true, false});
      }
      const auto [gamma, beta] = parameters(960);
      compare(
          type, GroupNorm{.groups = 32, .weight_groups = groups, .concat = true, .quantize = type},
          {random_tensor({2, 6, 8, 640}, 1), gamma, beta, random_tensor({2, 6, 8, 320}, 4), scales},
          {false, true, true, false, false});
      for (const Shape& shape : {Shape{4, 77, 320}, {2, 5, 1280}, {2, 3, 48}}) {
        const auto [gain, shift] = parameters(shape.back());
        compare(type, LayerNorm{.weight_groups = groups, .quantize = type},
                {random_tensor(shape, 1), gain, shift, scales}, {false, true, true, false});
      }
    }
}

TEST(EightBits, Attention) {
  for (const DType type : types)
    for (const auto& [batch, queries, keys, heads, size] : {std::array{2, 96, 96, 8, 40},
                                                            {2, 24, 77, 8, 80},
                                                            {4, 33, 33, 8, 160},
                                                            {2, 50, 77, 5, 64}}) {
      const int64_t width = int64_t{heads} * size;
      compare(type, Attention{.heads = heads, .head_size = size, .quantize = type},
              {random_tensor({batch, queries, width}, 1), random_tensor({batch, keys, width}, 2),
               random_tensor({batch, keys, width}, 3), random_tensor({2}, 4, 0.0001f, 0.003f)},
              {false, false, false, false});
    }
}

}  // namespace
}  // namespace drypoint
