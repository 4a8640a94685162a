#include "ops/depthwise_conv2d.h"

namespace drypoint {

TensorType infer(const DepthwiseConv2d& op, Inputs inputs) {
  expect_input((inputs.size() == 2 || inputs.size() == 3) && inputs[0].shape.size() == 4 &&
                   inputs[1].shape.size() == 4,
               op.name, "expected x [N, H, W, C], a weight [C, 1, KH, KW], perhaps a bias");
  const Shape &x = inputs[0].shape, &weight = inputs[1].shape;
  expect_input(weight[0] == x[3] && weight[1] == 1 && weight[2] > 0 && weight[3] > 0 &&
                   inputs[1].dtype == DType::f32,
               op.name, "weight {} on x {}", inputs[1], x);
  if (inputs.size() == 3)
    expect_input(inputs[2] == TensorType{DType::f32, {x[3]}}, op.name, "bias {} for {}", inputs[2],
                 x);
  expect_input(op.stride > 0 && op.top >= 0 && op.left >= 0 && op.bottom >= 0 && op.right >= 0,
               op.name, "stride {}, padding {} {} {} {}", op.stride, op.top, op.left, op.bottom,
               op.right);
  const int64_t down = x[1] + op.top + op.bottom - weight[2];
  const int64_t across = x[2] + op.left + op.right - weight[3];
  expect_input(down >= 0 && across >= 0, op.name, "x {} is too small for weight {}", x, weight);
  return {inputs[0].dtype, {x[0], down / op.stride + 1, across / op.stride + 1, x[3]}};
}

}  // namespace drypoint
