#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const MultiplyPlane&, const KernelRequest& request, const Launch& launch) {
  const int64_t channels = request.output.shape[3], places = request.inputs[1].elements();
  for (int64_t i = 0; i < request.output.elements(); ++i)
    launch.out()[i] = launch.f32(0)[i] * launch.f32(1)[i / channels % places];
}

}  // namespace drypoint::reference
