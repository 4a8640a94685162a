#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const AddScaled& op, const KernelRequest& request, const Launch& launch) {
  const float scale = launch.f32(2)[op.index];
  for (int64_t i = 0; i < request.output.elements(); ++i)
    launch.out()[i] = launch.f32(0)[i] + scale * launch.f32(1)[i];
}

}  // namespace drypoint::reference
