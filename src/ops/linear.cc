#include "ops/linear.h"

namespace drypoint {

TensorType infer(const Linear& op, Inputs inputs) {
  const size_t count = 2u + op.bias + op.residual;
  expect_input(inputs.size() == count, op.name, "{} inputs, expected {}", inputs.size(), count);
  const Shape &x = inputs[0].shape, &weight = inputs[1].shape;
  expect_input(weight.size() == 2 && !x.empty() && weight[1] == x.back(), op.name,
               "weight {} on x {}", to_string(weight), to_string(x));
  TensorType out = inputs[0];
  out.shape.back() = weight[0];
  if (op.bias)
    expect_input(inputs[2].elements() == weight[0], op.name, "bias {}, expected [{}]",
                 to_string(inputs[2].shape), weight[0]);
  if (op.residual)
    expect_input(inputs.back() == out, op.name, "residual {}, expected {}",
                 to_string(inputs.back()), to_string(out));
  return out;
}

}  // namespace drypoint
