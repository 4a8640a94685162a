#include "ops/group_norm.h"

#include "ops/product.h"

namespace drypoint {

TensorType infer(const GroupNorm& op, Inputs inputs) {
  const bool quantizes = op.quantize != DType::f32;
  expect_input(inputs.size() == 3u + op.concat + quantizes, op.name, "{} inputs, expected {}",
               inputs.size(), 3 + op.concat + quantizes);
  TensorType out = inputs[0];
  Shape& x = out.shape;
  if (op.concat && !x.empty()) x.back() += concat_width(op, x, inputs.first(3u + op.concat));
  expect_input(x.size() >= 2 && op.groups > 0 && x.back() % op.groups == 0, op.name,
               "{} groups on x {}", op.groups, x);
  expect_input(op.weight_groups > 0 && x[0] % op.weight_groups == 0, op.name,
               "{} sets of weights on x {}", op.weight_groups, x);
  for (int i : {1, 2})
    expect_input(inputs[i].elements() == op.weight_groups * x.back(), op.name,
                 "input {} is {}, expected [{}]", i, inputs[i].shape, op.weight_groups * x.back());
  return quantizes ? quantized(op.name, out, op.quantize, inputs.back()) : out;
}

}  // namespace drypoint
