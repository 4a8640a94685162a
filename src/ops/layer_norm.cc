#include "ops/layer_norm.h"

#include "ops/quantize.h"

namespace drypoint {

TensorType infer(const LayerNorm& op, Inputs inputs) {
  const bool quantizes = op.quantize != DType::f32;
  expect_input(inputs.size() == 3u + quantizes, op.name, "{} inputs, expected {}", inputs.size(),
               3 + quantizes);
  const Shape& x = inputs[0].shape;
  expect_input(!x.empty() && op.weight_groups > 0 && x[0] % op.weight_groups == 0, op.name,
               "{} sets of weights on x {}", op.weight_groups, x);
  for (int i : {1, 2})
    expect_input(inputs[i].elements() == op.weight_groups * x.back(), op.name,
                 "input {} is {}, expected [{}]", i, inputs[i].shape, op.weight_groups * x.back());
  return quantizes ? quantized(op.name, inputs[0], op.quantize, inputs[3]) : inputs[0];
}

}  // namespace drypoint
