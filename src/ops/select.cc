#include "ops/select.h"

namespace drypoint {

TensorType infer(const Select& op, Inputs inputs) {
  expect_input(inputs.size() == 2, op.name, "{} inputs, expected 2", inputs.size());
  expect_input(!inputs[0].shape.empty() && inputs[0].shape[0] > 0, op.name, "table {}",
               inputs[0].shape);
  expect_input(inputs[1] == (TensorType{DType::i32, {1}}), op.name, "index {}, expected i32[1]",
               inputs[1]);
  TensorType out = inputs[0];
  out.shape[0] = 1;
  return out;
}

}  // namespace drypoint
