#include "backend/in_floats.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ops/product.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

/// What each byte stands for.
std::array<float, 256> values_of_bytes(DType eight_bits) {
  std::array<float, 256> values{};
  for (size_t bits = 0; bits < values.size(); ++bits)
    values[bits] = from_eight_bits(static_cast<uint8_t>(bits), eight_bits);
  return values;
}

template <class Product>
InFloats product_in_floats(Product op, const std::vector<int>& all) {
  const OperandPositions at = positions_of(op);
  InFloats result{op, {}, at.input_scales, at.output_scales, op.epilogue.quantize};
  ProductOperands operands(op, all);
  operands.input_scales.reset();
  operands.output_scales.reset();
  result.inputs = operands.list();
  op.epilogue.dequantize = false;
  op.epilogue.quantize = op.epilogue.to = DType::f32;
  result.op = op;
  return result;
}

}  // namespace

InFloats in_floats(const Op& op, size_t inputs) {
  std::vector<int> all(inputs);
  std::iota(all.begin(), all.end(), 0);
  return std::visit(
      [&]<class T>(const T& o) -> InFloats {
        if constexpr (requires { o.epilogue; }) {
          return product_in_floats(o, all);
        } else if constexpr (requires { o.quantize; }) {
          InFloats result{o, all};
          if (o.quantize == DType::f32) return result;
          result.output_scales = all.back();
          result.quantize = o.quantize;
          result.inputs.pop_back();
          std::get<T>(result.op).quantize = DType::f32;
          return result;
        } else {
          return {o, all};
        }
      },
      op);
}

KernelRequest request_in_floats(const InFloats& plain, const KernelRequest& request) {
  KernelRequest left{
      plain.op,        {}, {DType::f32, request.output.shape}, {}, request.module, request.stream,
      request.pictures};
  for (const int i : plain.inputs) {
    left.inputs.push_back(request.inputs[i]);
    left.constant.push_back(request.constant[i]);
  }
  if (plain.input_scales >= 0) left.inputs[0].dtype = DType::f32;
  return left;
}

DType result_in_floats(const Op& op) {
  if (std::holds_alternative<Increment>(op)) return DType::i32;
  return std::holds_alternative<ToPixels>(op) ? DType::u8 : DType::f32;
}

Tensor as_rounded(const Tensor& weight, DType eight_bits) {
  const Tensor values = weight.to_f32();
  Tensor result({DType::f32, values.shape()});
  const int64_t rows = values.shape()[0];
  const auto size = static_cast<size_t>(values.type().elements() / std::max<int64_t>(rows, 1));
  for (int64_t row = 0; row < rows; ++row) {
    const auto from = values.floats().subspan(static_cast<size_t>(row) * size, size);
    const auto to = result.mutable_floats().subspan(static_cast<size_t>(row) * size, size);
    const float scale = scale_of(from, eight_bits);
    for (size_t i = 0; i < size; ++i)
      to[i] = from_eight_bits(to_eight_bits(from[i] / scale, eight_bits), eight_bits) * scale;
  }
  return result;
}

void dequantize(const uint8_t* from, DType eight_bits, const float* scales, int64_t shares,
                int64_t count, int64_t begin, int64_t end, float* to) {
  static const std::array<float, 256> of_f8 = values_of_bytes(DType::f8),
                                      of_i8 = values_of_bytes(DType::i8);
  const auto& values = eight_bits == DType::f8 ? of_f8 : of_i8;
  const int64_t size = count / shares;
  for (int64_t i = begin; i < end;) {
    const float scale = scales[i / size];
    for (const int64_t stop = std::min(end, (i / size + 1) * size); i < stop; ++i)
      to[i] = values[from[i]] * scale;
  }
}

void quantize(const float* from, DType eight_bits, const float* scales, int64_t shares,
              int64_t count, int64_t begin, int64_t end, uint8_t* to) {
  for (int64_t i = begin; i < end; ++i)
    to[i] = to_eight_bits(from[i] / scales[i / (count / shares)], eight_bits);
}

}  // namespace drypoint
