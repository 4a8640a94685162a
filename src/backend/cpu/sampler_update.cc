#include "ops/sampler_update.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const SamplerUpdate& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.inputs[0].shape;
  const int64_t latents = op.latents(request.inputs), channels = x[1], pixels = x[2] * x[3];
  const int64_t elements = latents * channels * pixels;  // of a slot
  const int slots = static_cast<int>(x[0] / latents);
  const int64_t columns = request.inputs[2].shape[1];
  const int64_t noises = op.noise ? request.inputs[op.noise_input()].shape[0] / latents : 1;
  return make_kernel([=](const Launch& launch) {
    const int64_t step = launch.i32(3)[0];
    const float* row = launch.f32(2) + step * columns;
    const float* noise =
        op.noise ? launch.f32(op.noise_input()) + step % noises * elements : nullptr;
    parallel_tasks(context, elements / pixels, [&](int64_t plane) {  // of one latent's channel
      const int64_t n = plane / channels, c = plane % channels;
      const float* predicted = launch.f32(1) + n * pixels * channels + c;
      for (int64_t p = 0; p < pixels; ++p) {
        const int64_t i = plane * pixels + p;
        const float* own = predicted + p * channels;
        const float output = op.guided ? guide(*own, own[elements], launch.f32(4)[n]) : *own;
        float old[kMostSlots];
        for (int k = 0; k < slots; ++k) old[k] = launch.f32(0)[k * elements + i];
        for (int k = 0; k < slots; ++k)
          launch.out()[k * elements + i] =
              new_slot(row + k * (slots + 2), slots, old, output, noise ? noise[i] : 0);
      }
    });
  });
}

}  // namespace drypoint::cpu
