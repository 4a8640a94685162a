#include "ops/expand.h"

namespace drypoint {

TensorType infer(const Expand& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && !inputs[0].shape.empty() && op.times > 0 && op.groups > 0 &&
                   inputs[0].shape[0] % op.groups == 0,
               op.name, "expected one input [N, ...] of {} groups, times {}", op.groups, op.times);
  TensorType out = inputs[0];
  out.shape[0] *= op.times;
  return out;
}

}  // namespace drypoint
