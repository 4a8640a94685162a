#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const FromPixels&, const KernelRequest& request, const Launch& launch) {
  const int64_t channels = request.output.shape.back();
  for (int64_t i = 0; i < request.output.elements(); ++i) {
    const uint8_t* pixel = launch.u8(0) + i / channels * (channels + 1);
    launch.out()[i] = from_pixel(pixel[i % channels], pixel[channels]);
  }
}

}  // namespace drypoint::reference
