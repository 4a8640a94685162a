#include "ops/to_pixels.h"

#include <cmath>

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const ToPixels&, const KernelRequest& request, const Context& context) {
  const int64_t channels = request.inputs[0].shape.back();
  return make_kernel([=, pixels = request.inputs[0].elements() / channels](const Launch& launch) {
    const float offset = launch.f32(1)[0];
    parallel_ranges(context, pixels, elements_per_task / channels, [&](int64_t begin, int64_t end) {
      const float* x = launch.f32(0) + begin * channels;
      auto* to = static_cast<uint8_t*>(launch.output) + begin * (channels + 1);
      for (int64_t i = begin; i < end; ++i) {
        bool finite = true;
        for (int64_t c = 0; c < channels; ++c, ++x) {
          const bool is_number = std::isfinite(*x);
          *to++ = is_number ? to_pixel(*x, offset) : 0;
          finite = finite && is_number;
        }
        *to++ = finite ? 255 : 0;
      }
    });
  });
}

}  // namespace drypoint::cpu
