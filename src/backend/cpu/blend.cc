#include "ops/blend.h"

#include <algorithm>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Blend& op, const KernelRequest& request, const Context& context) {
  const Shape& known = request.inputs[2].shape;
  const int64_t latents = known[0], channels = known[1], pixels = known[2] * known[3];
  const int64_t planes = request.output.elements() / pixels;
  return make_kernel([=](const Launch& launch) {
    const float* row = launch.f32(4) + int64_t{launch.i32(5)[0]} * 3;
    parallel_tasks(context, planes, [&](int64_t plane) {
      const int64_t r = plane / channels, c = plane % channels, n = r % latents;
      // Of x, this plane's first pixel, and from one to the next.
      const int64_t first = op.channels_last ? r * pixels * channels + c : plane * pixels;
      const int64_t stride = op.channels_last ? channels : 1;
      const bool passes = r >= latents && !op.channels_last;
      const float *x = launch.f32(0) + first, *mask = launch.f32(1) + n * pixels;
      const float* kept = launch.f32(2) + (n * channels + c) * pixels;
      const float* other = launch.f32(3) + (n * channels + c) * pixels;
      float* out = launch.out() + first;
      for (int64_t p = 0; p < pixels; ++p)
        out[p * stride] =
            passes ? x[p * stride] : blended(x[p * stride], mask[p], kept[p], other[p], row);
    });
  });
}

}  // namespace drypoint::cpu
