// Every way to multiply panels, in itself and below a product or a convolution.
#include "backend/cpu/multiplier.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "backend/cpu/kernels.h"
#include "support/op_runner.h"

namespace drypoint::cpu {
namespace {

using namespace drypoint::testing;

/// Those that run here, and the model of tiles where panels are as wide as two of them.
std::vector<Multiplier> all_multipliers(DType factors) {
  auto all = multipliers(factors);
  if (vector_size() == 16 && factors != DType::f32) all.push_back(tile_model(factors));
  return all;
}

/// With each type and way, and with each instruction set of our vector code.
template <class Body>
void for_all(const Body& body) {
  for (const int64_t target : vector_targets()) {
    const OnTarget only(target);
    for (const DType factors : {DType::f32, DType::bf16, DType::i8})
      for (const Multiplier& multiplier : all_multipliers(factors)) {
        SCOPED_TRACE(
            fmt::format("vector target {}, {} by {}", target, name(factors), multiplier.name));
        body(multiplier);
      }
  }
}

/// A factor at `place` of a row or a column, as a number.
double factor(DType factors, const std::byte* from, int64_t place, bool is_unsigned) {
  if (factors == DType::i8) {
    const auto bits = std::to_integer<uint8_t>(from[place]);
    return is_unsigned ? bits : static_cast<int8_t>(bits);
  }
  if (factors == DType::bf16) {
    uint16_t bits;
    std::memcpy(&bits, from + 2 * place, sizeof bits);
    return bfloat_to_float(bits);
  }
  float value;
  std::memcpy(&value, from + 4 * place, sizeof value);
  return value;
}

/// Factors that any rounding leaves as they are, so that sums are exact: small integers.
void fill(DType factors, std::span<std::byte> bytes, int step) {
  const size_t size = size_of(factors);
  for (size_t i = 0; i * size < bytes.size(); ++i) {
    const auto value = static_cast<int>(i * static_cast<size_t>(step) % 251) - 125;
    const auto number = static_cast<float>(value);
    const uint16_t half = float_to_bfloat(number);
    if (factors == DType::i8) bytes[i] = static_cast<std::byte>(value);
    if (factors == DType::bf16) std::memcpy(&bytes[i * size], &half, size);
    if (factors == DType::f32) std::memcpy(&bytes[i * size], &number, size);
  }
}

/// Rows at a distance of their own, against sums one by one.
void compare(const Multiplier& multiplier, int64_t rows, int64_t groups, int64_t columns) {
  const DType factors = multiplier.factors;
  const int64_t width = panel_width(), together = 4 / static_cast<int64_t>(size_of(factors));
  const int64_t panels = (columns + width - 1) / width;
  const int64_t room = round_up(rows, multiplier.row_step), stride = 4 * groups + 64;
  std::vector<std::byte> a(static_cast<size_t>(room * stride)),
      b(static_cast<size_t>(panels * groups * width * 4)),
      sums(static_cast<size_t>(panels * room * width * 4));
  fill(factors, a, 7);
  fill(factors, b, 11);
  PanelProduct product{.a = a.data(),
                       .a_stride = stride,
                       .b = b.data(),
                       .b_stride = groups * width * 4,
                       .sums = sums.data(),
                       .sums_stride = room * width * 4,
                       .rows = rows,
                       .groups = groups,
                       .width = width,
                       .columns = columns};
  multiplier.multiply(product);
  product.add = true;
  multiplier.multiply(product);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      double expected = 0;
      for (int64_t k = 0; k < groups * together; ++k)
        expected += 2 * factor(factors, a.data() + r * stride, k, true) *
                    factor(factors, b.data() + c / width * product.b_stride,
                           (k / together * width + c % width) * together + k % together, false);
      const int64_t place = c / width * product.sums_stride + (r * width + c % width) * 4;
      int32_t integer;
      float number;
      std::memcpy(&integer, sums.data() + place, 4);
      std::memcpy(&number, sums.data() + place, 4);
      ASSERT_EQ(factors == DType::i8 ? integer : static_cast<double>(number), expected)
          << r << ", " << c << " of " << rows << " x " << columns << ", groups " << groups;
    }
}

TEST(Multiplier, AddsUpEveryGroup) {
  for_all([](const Multiplier& multiplier) {
    for (const auto& [rows, groups, columns] : {std::array{1, 16, 1},
                                                {5, 32, 32},
                                                {12, 16, 33},
                                                {16, 48, 64},
                                                {17, 16, 70},
                                                {31, 32, 5},
                                                {32, 16, 32},
                                                {33, 16, 40},
                                                {100, 80, 96}})
      compare(multiplier, rows, groups, columns);
  });
}

/// Runs `op` with this multiplier, on so many threads. Inputs 1 and 2 are weight and bias.
Tensor run_with(const Multiplier& multiplier, int threads, const auto& op,
                const std::vector<Tensor>& inputs) {
  std::vector<TensorType> types;
  std::vector<const void*> pointers;
  for (const Tensor& input : inputs) {
    types.push_back(input.type());
    pointers.push_back(input.bytes().data());
  }
  Context context = make_context(threads, multiplier.factors);
  context.multiplier = multiplier;
  std::vector<bool> constant(inputs.size(), false);
  constant[1] = constant[2] = true;
  const auto kernel = make(op, {op, types, infer(op, types), constant, "test"}, context);
  const Backend& memory = reference();
  const auto packing = kernel->packing(1);
  const DeviceMemory weight = memory.allocate(packing->bytes),
                     workspace = memory.allocate(kernel->workspace());
  std::memset(workspace.get(), 0xff, kernel->workspace());
  packing->pack(inputs[1], weight.get());
  pointers[1] = weight.get();
  Tensor out(infer(op, types));
  kernel->run({pointers, out.mutable_bytes().data(), workspace.get()});
  return out;
}

/// Against the reference; of i8 factors x is rounded first, each row by a scale of its own or, of
/// convolutions, all by one.
void compare_kernels(auto op, std::vector<Tensor> inputs) {
  const Tensor plain = run(reference(), op, inputs);
  auto rounded = op;
  rounded.epilogue.dequantize = true;
  std::vector<Tensor> of_eight_bits = inputs;
  const int64_t shares = std::holds_alternative<Linear>(Op(op))
                             ? inputs[0].type().elements() / inputs[0].shape().back()
                             : 1;
  of_eight_bits.push_back(run(reference(), Scales{DType::i8, shares}, {inputs[0]}));
  of_eight_bits[0] = run(reference(), Quantize{DType::i8}, {inputs[0], of_eight_bits.back()});
  const Tensor of_i8 = run(reference(), rounded, of_eight_bits);
  for_all([&](const Multiplier& multiplier) {
    const bool i8 = multiplier.factors == DType::i8;
    const auto& own = i8 ? of_eight_bits : inputs;
    const Tensor one = run_with(multiplier, 1, i8 ? rounded : op, own);
    EXPECT_TRUE(close(one.floats(), (i8 ? of_i8 : plain).floats(),
                      multiplier.factors == DType::bf16 ? 1e-2 : 1e-5))
        << describe(op, own);
    const Tensor three = run_with(multiplier, 3, i8 ? rounded : op, own);
    EXPECT_TRUE(std::ranges::equal(one.bytes(), three.bytes())) << describe(op, own);
  });
}

TEST(Multiplier, ServesLinear) {
  for (const auto& [rows, depth, columns] :
       {std::array{1, 1, 1}, {3, 17, 5}, {70, 320, 100}, {33, 1111, 40}, {200, 64, 33}})
    compare_kernels(Linear{}, {random_tensor({1, rows, depth}, 1),
                               random_tensor({columns, depth}, 2), random_tensor({columns}, 3)});
}

TEST(Multiplier, ServesConv2d) {
  for (const auto& [side, in, out, filter, stride] :
       {std::array{5, 3, 7, 3, 1}, {9, 40, 36, 3, 2}, {8, 64, 64, 3, 1}, {6, 33, 5, 1, 1}}) {
    const int64_t pad = filter / 2;
    compare_kernels(Conv2d{.stride = stride, .top = pad, .left = pad, .bottom = pad, .right = pad},
                    {random_tensor({2, side, side + 1, in}, 1),
                     random_tensor({out, in, filter, filter}, 2), random_tensor({out}, 3)});
  }
}

}  // namespace
}  // namespace drypoint::cpu
