#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const SigmoidGate&, const KernelRequest& request, const Launch& launch) {
  const Shape& x = request.output.shape;
  const int64_t picture = x[1] * x[2] * x[3];
  for (int64_t i = 0; i < request.output.elements(); ++i) {
    const double gate = launch.f32(1)[i / picture * x[3] + i % x[3]];
    launch.out()[i] = static_cast<float>(launch.f32(0)[i] / (1 + std::exp(-gate)));
  }
}

}  // namespace drypoint::reference
