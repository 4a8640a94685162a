#include "ops/from_pixels.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const FromPixels&, const KernelRequest& request, const Context& context) {
  const int64_t channels = request.output.shape.back();
  return make_kernel([=, pixels = request.output.elements() / channels](const Launch& launch) {
    parallel_ranges(context, pixels, elements_per_task / channels, [&](int64_t begin, int64_t end) {
      const uint8_t* from = launch.u8(0) + begin * (channels + 1);
      float* to = launch.out() + begin * channels;
      for (int64_t i = begin; i < end; ++i, ++from)
        for (const uint8_t mask = from[channels], *last = from + channels; from < last; ++from)
          *to++ = from_pixel(*from, mask);
    });
  });
}

}  // namespace drypoint::cpu
