#include "ops/sampler_update.h"

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const SamplerUpdate& op, const KernelRequest& request, const Launch& launch) {
  const Shape& x = request.inputs[0].shape;
  const int64_t latents = op.latents(request.inputs), channels = x[1], pixels = x[2] * x[3];
  const int64_t elements = latents * channels * pixels;  // of a slot
  const int slots = static_cast<int>(x[0] / latents);
  const int64_t step = launch.i32(3)[0];
  const float* row = launch.f32(2) + step * request.inputs[2].shape[1];
  const float* noise = nullptr;
  if (op.noise) {
    const int64_t noises = request.inputs[op.noise_input()].shape[0] / latents;
    noise = launch.f32(op.noise_input()) + step % noises * elements;
  }
  for (int64_t i = 0; i < elements; ++i) {
    const int64_t n = i / (channels * pixels), c = i / pixels % channels, p = i % pixels;
    const float* predicted = launch.f32(1) + (n * pixels + p) * channels + c;
    const float output =
        op.guided ? guide(*predicted, predicted[elements], launch.f32(4)[n]) : *predicted;
    float old[kMostSlots];
    for (int k = 0; k < slots; ++k) old[k] = launch.f32(0)[k * elements + i];
    for (int k = 0; k < slots; ++k)
      launch.out()[k * elements + i] =
          new_slot(row + k * (slots + 2), slots, old, output, noise ? noise[i] : 0);
  }
}

}  // namespace drypoint::reference
