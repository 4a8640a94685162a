#include <cmath>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const ToPixels&, const KernelRequest& request, const Launch& launch) {
  const int64_t channels = request.inputs[0].shape.back();
  const float offset = launch.f32(1)[0];
  auto* pixel = static_cast<uint8_t*>(launch.output);
  const int64_t elements = request.inputs[0].elements();
  for (const float* x = launch.f32(0); x < launch.f32(0) + elements; x += channels) {
    bool finite = true;
    for (int64_t c = 0; c < channels; ++c) {
      const bool is_number = std::isfinite(x[c]);
      *pixel++ = is_number ? to_pixel(x[c], offset) : 0;
      finite = finite && is_number;
    }
    *pixel++ = finite ? 255 : 0;
  }
}

}  // namespace drypoint::reference
