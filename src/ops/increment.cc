#include "ops/increment.h"

namespace drypoint {

TensorType infer(const Increment& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0] == (TensorType{DType::i32, {1}}), op.name,
               "expected one input i32[1]");
  return inputs[0];
}

}  // namespace drypoint
