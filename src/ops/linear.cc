#include "ops/linear.h"

#include "ops/product.h"

namespace drypoint {

TensorType infer(const Linear& op, Inputs inputs) {
  expect_operands(op, inputs);
  const int64_t halves = op.epilogue.gate ? 2 : 1;
  Shape x = inputs[0].shape;
  const Shape& weight = inputs[1].shape;
  expect_input(!x.empty() && !(op.concat && op.normed), op.name, "x {}, concat={} normed={}", x,
               op.concat, op.normed);
  x.back() += concat_width(op, x, inputs);
  expect_input(weight.size() == 2 && weight[1] == x.back() && weight[0] % (op.groups * halves) == 0,
               op.name, "weight {} on x {}", weight, x);
  expect_input(op.groups == 1 || x.size() > 1, op.name, "{} groups of {}", op.groups, x);
  expect_input(!op.epilogue.dequantize || !op.normed, op.name, "normed={} of eight bits",
               op.normed);
  TensorType out{type_of_sums(op, inputs), inputs[0].shape};
  out.shape.back() = weight[0] / op.groups / halves;
  return expect_epilogue(op, inputs, out, weight[0]);
}

}  // namespace drypoint
