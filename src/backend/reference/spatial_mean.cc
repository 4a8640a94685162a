#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const SpatialMean&, const KernelRequest& request, const Launch& launch) {
  const Shape& x = request.output.shape;
  const int64_t channels = x[3], pixels = x[1] * x[2];
  for (int64_t n = 0; n < x[0]; ++n)
    for (int64_t c = 0; c < channels; ++c) {
      const auto at = [&](int64_t p) { return (n * pixels + p) * channels + c; };
      double sum = 0;
      for (int64_t p = 0; p < pixels; ++p) sum += launch.f32(0)[at(p)];
      for (int64_t p = 0; p < pixels; ++p)
        launch.out()[at(p)] = static_cast<float>(sum / static_cast<double>(pixels));
    }
}

}  // namespace drypoint::reference
