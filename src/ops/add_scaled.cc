#include "ops/add_scaled.h"

namespace drypoint {

TensorType infer(const AddScaled& op, Inputs inputs) {
  expect_input(inputs.size() == 3, op.name, "{} inputs, expected 3", inputs.size());
  expect_input(inputs[0] == inputs[1], op.name, "{} + scale * {}", inputs[0], inputs[1]);
  expect_input(op.index >= 0 && op.index < inputs[2].elements(), op.name, "scale {} of {}",
               op.index, inputs[2].shape);
  return inputs[0];
}

}  // namespace drypoint
