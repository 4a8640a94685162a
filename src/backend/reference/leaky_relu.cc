#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const LeakyRelu& op, const KernelRequest& request, const Launch& launch) {
  const int64_t channels = request.output.shape.back();
  for (int64_t i = 0; i < request.output.elements(); ++i) {
    const float slope = launch.inputs.size() > 1 ? launch.f32(1)[i % channels] : op.slope;
    const float x = launch.f32(0)[i];
    launch.out()[i] = x > 0 ? x : slope * x;
  }
}

}  // namespace drypoint::reference
