#include "ops/linear.h"

#include "ops/product.h"

namespace drypoint {

TensorType infer(const Linear& op, Inputs inputs) {
  expect_input_count(op, inputs);
  const Shape &x = inputs[0].shape, &weight = inputs[1].shape;
  expect_input(weight.size() == 2 && !x.empty() && weight[1] == x.back(), op.name,
               "weight {} on x {}", to_string(weight), to_string(x));
  TensorType out = inputs[0];
  out.shape.back() = weight[0];
  expect_bias_and_residual(op, inputs, out);
  return out;
}

}  // namespace drypoint
