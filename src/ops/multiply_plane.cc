#include "ops/multiply_plane.h"

namespace drypoint {

TensorType infer(const MultiplyPlane& op, Inputs inputs) {
  expect_input(inputs.size() == 2 && inputs[0].shape.size() == 4 && inputs[1].shape.size() == 4,
               op.name, "expected two inputs, [N, H, W, C] and [M, H, W, 1]");
  const Shape &x = inputs[0].shape, &plane = inputs[1].shape;
  expect_input(plane[0] > 0 && x[0] % plane[0] == 0 && plane[1] == x[1] && plane[2] == x[2] &&
                   plane[3] == 1 && inputs[1].dtype == DType::f32,
               op.name, "a plane {} for {}", inputs[1], x);
  return inputs[0];
}

}  // namespace drypoint
