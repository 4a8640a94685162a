#include "ops/upsample.h"

namespace drypoint {

TensorType infer(const Upsample& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].shape.size() == 4, op.name,
               "expected one input [N, H, W, C]");
  expect_input(op.height > 0 && op.width > 0, op.name, "size {}x{}", op.height, op.width);
  const Shape& x = inputs[0].shape;
  return {inputs[0].dtype, {x[0], op.height, op.width, x[3]}};
}

}  // namespace drypoint
