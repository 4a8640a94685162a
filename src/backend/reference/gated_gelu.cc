#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const GatedGelu&, const KernelRequest& request, const Launch& launch) {
  const int64_t width = request.output.shape.back(), rows = request.output.elements() / width;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < width; ++c) {
      const float* x = launch.f32(0) + 2 * r * width + c;
      launch.out()[r * width + c] =
          static_cast<float>(x[0] * activated(ActivationKind::gelu, x[width]));
    }
}

}  // namespace drypoint::reference
