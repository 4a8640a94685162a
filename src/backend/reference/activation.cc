#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Activation& op, const KernelRequest& request, const Launch& launch) {
  for (int64_t i = 0; i < request.output.elements(); ++i)
    launch.out()[i] = static_cast<float>(activated(op.kind, launch.f32(0)[i]));
}

}  // namespace drypoint::reference
