#include "ops/constant.h"

namespace drypoint {

TensorType infer(const Constant& op, Inputs inputs) {
  expect_input(inputs.empty(), op.name, "{} inputs, expected none", inputs.size());
  return {DType::f32, {1}};
}

}  // namespace drypoint
