#include "ops/embedding.h"

namespace drypoint {

TensorType infer(const Embedding& op, Inputs inputs) {
  expect_input(inputs.size() == 2, op.name, "{} inputs, expected 2", inputs.size());
  expect_input(inputs[0].dtype == DType::i32, op.name, "ids {}, expected i32", inputs[0]);
  expect_input(inputs[1].shape.size() == 2, op.name, "table {}, expected [V, C]", inputs[1].shape);
  TensorType out{inputs[1].dtype, inputs[0].shape};
  out.shape.push_back(inputs[1].shape[1]);
  return out;
}

}  // namespace drypoint
