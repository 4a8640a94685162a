#include "ops/multiply_plane.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const MultiplyPlane&, const KernelRequest& request, const Context& context) {
  const int64_t channels = request.output.shape[3], places = request.inputs[1].elements();
  const int64_t pixels = request.output.elements() / channels;
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, pixels, elements_per_task / channels, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const float factor = launch.f32(1)[p % places], *x = launch.f32(0) + p * channels;
        float* out = launch.out() + p * channels;
        for (int64_t c = 0; c < channels; ++c) out[c] = x[c] * factor;
      }
    });
  });
}

}  // namespace drypoint::cpu
