#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const SurfaceNormals&, const KernelRequest& request, const Launch& launch) {
  for (int64_t i = 0; i < request.output.elements(); i += 4) {
    const float* x = launch.f32(0) + i;
    float* out = launch.out() + i;
    const double length =
        std::sqrt(double{x[0]} * x[0] + double{x[1]} * x[1] + double{x[2]} * x[2]) + 1e-10;
    for (int64_t c = 0; c < 3; ++c) out[c] = static_cast<float>(x[c] / length);
    out[3] = static_cast<float>((x[3] > 0 ? x[3] : std::exp(double{x[3]}) - 1) + 1.01);
  }
}

}  // namespace drypoint::reference
