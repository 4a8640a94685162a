#include "ops/sampler_update.h"

#include <algorithm>

namespace drypoint {

TensorType infer(const SamplerUpdate& op, Inputs inputs) {
  const size_t count = 4u + op.guided + op.noise;
  expect_input(inputs.size() == count, op.name, "{} inputs, expected {}", inputs.size(), count);
  const Shape &x = inputs[0].shape, &output = inputs[1].shape;
  expect_input(inputs[0].dtype == DType::f32 && x.size() == 4, op.name,
               "slots {}, expected f32 [K * N, C, h, w]", inputs[0]);
  expect_input(output.size() == 4 && output[0] >= 1 && output[0] % (op.guided ? 2 : 1) == 0 &&
                   output[1] == x[2] && output[2] == x[3] && output[3] == x[1],
               op.name, "model output {} of slots {}", output, x);
  const int64_t latents = op.latents(inputs), slots = x[0] / latents;
  expect_input(x[0] % latents == 0 && slots >= 1 && slots <= kMostSlots, op.name,
               "{} slots of {} latents, expected 1 to {} for each", x[0], latents, kMostSlots);
  const Shape& rows = inputs[2].shape;
  expect_input(inputs[2].dtype == DType::f32 && rows.size() == 2 && rows[1] == slots * (slots + 2),
               op.name, "rows {}, expected f32 [S, {}]", inputs[2], slots * (slots + 2));
  expect_input(inputs[3] == (TensorType{DType::i32, {1}}), op.name, "step {}, expected i32[1]",
               inputs[3]);
  if (op.guided)
    expect_input(inputs[4] == (TensorType{DType::f32, {latents}}), op.name,
                 "guidance scale {}, expected f32[{}]", inputs[4], latents);
  if (op.noise) {
    const TensorType& noise = inputs[static_cast<size_t>(op.noise_input())];
    expect_input(noise.dtype == DType::f32 && noise.shape.size() == 4 && noise.shape[0] >= 1 &&
                     noise.shape[0] % latents == 0 &&
                     std::equal(x.begin() + 1, x.end(), noise.shape.begin() + 1),
                 op.name, "noise {} for slots {}", noise, x);
  }
  return inputs[0];
}

}  // namespace drypoint
