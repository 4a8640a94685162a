#include "ops/slice.h"

namespace drypoint {

TensorType infer(const Slice& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && !inputs[0].shape.empty(), op.name,
               "expected one input [N, ...]");
  TensorType out = inputs[0];
  expect_input(op.begin >= 0 && op.count > 0 && op.begin + op.count <= out.shape[0], op.name,
               "rows {} to {} of {}", op.begin, op.begin + op.count, out.shape);
  out.shape[0] = op.count;
  return out;
}

}  // namespace drypoint
