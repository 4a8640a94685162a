#include "ops/scales.h"

#include "tensor/eight_bits.h"

namespace drypoint {

TensorType infer(const Scales& op, Inputs inputs) {
  expect_input(inputs.size() == 1, op.name, "{} inputs, expected 1", inputs.size());
  expect_input(is_float(inputs[0].dtype) && is_eight_bits(op.to), op.name, "{} to {}", inputs[0],
               name(op.to));
  expect_input(op.count > 0 && inputs[0].elements() % op.count == 0, op.name, "{} shares of {}",
               op.count, inputs[0]);
  return {DType::f32, {op.count}};
}

}  // namespace drypoint
