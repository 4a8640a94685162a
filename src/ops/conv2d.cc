#include "ops/conv2d.h"

#include "ops/product.h"

namespace drypoint {

TensorType infer(const Conv2d& op, Inputs inputs) {
  expect_operands(op, inputs);
  expect_input(!op.epilogue.gate, op.name, "gate={}", op.epilogue.gate);
  const Shape &x = inputs[0].shape, &weight = inputs[1].shape;
  expect_input(x.size() == 4, op.name, "x {}, expected [N, H, W, C]", x);
  expect_input(op.stride > 0 && op.top >= 0 && op.left >= 0 && op.bottom >= 0 && op.right >= 0 &&
                   op.height >= 0 && op.height < 256 && op.width >= 0 && op.width < 256,
               op.name, "stride {}, padding {} {} {} {}, filters of {}x{}", op.stride, op.top,
               op.left, op.bottom, op.right, op.height, op.width);
  expect_input(weight.size() == (op.concat ? 2 : 4) && weight[0] % op.groups == 0 &&
                   (op.concat || weight[1] == x[3]),
               op.name, "weight {} on x {}, concat={}", weight, x, op.concat);
  expect_input(!op.epilogue.dequantize || !op.upsample, op.name, "upsample={} of eight bits",
               op.upsample);
  const int64_t taps_down = filter_height(op, weight), taps_across = filter_width(op, weight);
  const int64_t times = op.upsample ? 2 : 1;
  const int64_t down = times * x[1] + op.top + op.bottom - taps_down;
  const int64_t across = times * x[2] + op.left + op.right - taps_across;
  expect_input(down >= 0 && across >= 0 && taps_down > 0 && taps_across > 0, op.name,
               "x {} is too small for weight {}", x, weight);
  const TensorType out{type_of_sums(op, inputs),
                       {x[0], down / op.stride + 1, across / op.stride + 1, weight[0] / op.groups}};
  if (op.concat) {
    const int64_t row = x[3] * taps_down * taps_across + concat_width(op, out.shape, inputs);
    expect_input(weight[1] == row, op.name, "weight {} on rows of {}", weight, row);
  }
  return expect_epilogue(op, inputs, out, weight[0]);
}

}  // namespace drypoint
