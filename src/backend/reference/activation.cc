#include <cmath>
#include <numbers>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

double activate(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::none: return x;
    case ActivationKind::silu: return x / (1 + std::exp(-x));
    case ActivationKind::gelu: return x * 0.5 * (1 + std::erf(x / std::numbers::sqrt2));
    case ActivationKind::quick_gelu: return x / (1 + std::exp(-1.702 * x));
    case ActivationKind::relu: return x > 0 ? x : 0;
  }
  return x;
}

void run(const Activation& op, const KernelRequest& request, const Launch& launch) {
  for (int64_t i = 0; i < request.output.elements(); ++i)
    launch.out()[i] = static_cast<float>(activate(op.kind, launch.f32(0)[i]));
}

}  // namespace drypoint::reference
