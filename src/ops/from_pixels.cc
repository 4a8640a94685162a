#include "ops/from_pixels.h"

namespace drypoint {

TensorType infer(const FromPixels& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].dtype == DType::u8 && !inputs[0].shape.empty() &&
                   inputs[0].shape.back() > 1,
               op.name, "expected one input u8[..., 2 or more]");
  TensorType out{DType::f32, inputs[0].shape};
  --out.shape.back();
  return out;
}

}  // namespace drypoint
