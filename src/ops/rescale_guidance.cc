#include "ops/rescale_guidance.h"

namespace drypoint {

TensorType infer(const RescaleGuidance& op, Inputs inputs) {
  expect_input(inputs.size() == 3, op.name, "{} inputs, expected 3", inputs.size());
  const Shape& output = inputs[0].shape;
  expect_input(output.size() == 4 && output[0] >= 2 && output[0] % 2 == 0, op.name,
               "output {}, expected [2 * N, h, w, C]", output);
  const int64_t latents = output[0] / 2;
  const TensorType of_each{DType::f32, {latents}};
  expect_input(inputs[1] == of_each && inputs[2] == of_each, op.name,
               "guidance scale {} and rescale {}, expected f32[{}]", inputs[1], inputs[2], latents);
  return {DType::f32, {latents, output[1], output[2], output[3]}};
}

}  // namespace drypoint
