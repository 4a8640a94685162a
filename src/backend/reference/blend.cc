#include "ops/blend.h"

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Blend& op, const KernelRequest& request, const Launch& launch) {
  const Shape& known = request.inputs[2].shape;
  const int64_t latents = known[0], channels = known[1], pixels = known[2] * known[3];
  const float* row = launch.f32(4) + int64_t{launch.i32(5)[0]} * 3;
  for (int64_t i = 0; i < request.output.elements(); ++i) {
    const int64_t r = i / (channels * pixels), n = r % latents;
    const int64_t c = op.channels_last ? i % channels : i / pixels % channels;
    const int64_t p = op.channels_last ? i / channels % pixels : i % pixels;
    const int64_t at = (n * channels + c) * pixels + p;
    const float x = launch.f32(0)[i];
    launch.out()[i] =
        r >= latents && !op.channels_last
            ? x
            : blended(x, launch.f32(1)[n * pixels + p], launch.f32(2)[at], launch.f32(3)[at], row);
  }
}

}  // namespace drypoint::reference
