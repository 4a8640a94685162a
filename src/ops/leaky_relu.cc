#include "ops/leaky_relu.h"

namespace drypoint {

TensorType infer(const LeakyRelu& op, Inputs inputs) {
  expect_input((inputs.size() == 1 || inputs.size() == 2) && !inputs[0].shape.empty(), op.name,
               "expected x [..., C], perhaps slopes [C]");
  if (inputs.size() == 2)
    expect_input(inputs[1] == TensorType{DType::f32, {inputs[0].shape.back()}}, op.name,
                 "slopes {} for {}", inputs[1], inputs[0]);
  return inputs[0];
}

}  // namespace drypoint
