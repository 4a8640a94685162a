#include "ops/to_pixels.h"

namespace drypoint {

TensorType infer(const ToPixels& op, Inputs inputs) {
  expect_input(inputs.size() == 2 && is_float(inputs[0].dtype) && !inputs[0].shape.empty(), op.name,
               "expected two inputs, the first of numbers [..., C]");
  expect_input(inputs[1] == (TensorType{DType::f32, {1}}), op.name, "offset {}, expected f32[1]",
               inputs[1]);
  TensorType out{DType::u8, inputs[0].shape};
  ++out.shape.back();
  return out;
}

}  // namespace drypoint
