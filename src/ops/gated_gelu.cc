#include "ops/gated_gelu.h"

namespace drypoint {

TensorType infer(const GatedGelu& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && !inputs[0].shape.empty() && inputs[0].shape.back() % 2 == 0,
               op.name, "expected one input with an even last dimension");
  TensorType out = inputs[0];
  out.shape.back() /= 2;
  return out;
}

}  // namespace drypoint
