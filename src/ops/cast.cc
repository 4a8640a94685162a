#include "ops/cast.h"

namespace drypoint {

TensorType infer(const Cast& op, Inputs inputs) {
  expect_input(inputs.size() == 1, op.name, "{} inputs, expected 1", inputs.size());
  expect_input(is_float(inputs[0].dtype) && is_float(op.to), op.name, "{} to {}", inputs[0],
               name(op.to));
  return {op.to, inputs[0].shape};
}

}  // namespace drypoint
