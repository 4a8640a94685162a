#include "ops/quantize.h"

#include "tensor/eight_bits.h"

namespace drypoint {

TensorType infer(const Quantize& op, Inputs inputs) {
  expect_input(inputs.size() == 2, op.name, "{} inputs, expected 2", inputs.size());
  expect_input(is_float(inputs[0].dtype) && is_eight_bits(op.to), op.name, "{} to {}", inputs[0],
               name(op.to));
  expect_input(are_scales_of(inputs[1], inputs[0].elements()), op.name, "scales {} for {}",
               inputs[1], inputs[0]);
  return {op.to, inputs[0].shape};
}

TensorType quantized(std::string_view op, const TensorType& result, DType to,
                     const TensorType& scales) {
  expect_input(is_eight_bits(to) && are_scales_of(scales, rows_of(result)), op,
               "{} as {} with scales {}", result, name(to), scales);
  return {to, result.shape};
}

}  // namespace drypoint
