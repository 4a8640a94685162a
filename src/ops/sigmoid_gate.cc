#include "ops/sigmoid_gate.h"

namespace drypoint {

TensorType infer(const SigmoidGate& op, Inputs inputs) {
  expect_input(inputs.size() == 2 && inputs[0].shape.size() == 4, op.name,
               "expected x [N, H, W, C] and a gate");
  const Shape& x = inputs[0].shape;
  expect_input(inputs[1] == TensorType{inputs[0].dtype, {x[0], 1, 1, x[3]}}, op.name,
               "a gate {} for {}", inputs[1], inputs[0]);
  return inputs[0];
}

}  // namespace drypoint
