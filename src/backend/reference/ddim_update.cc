#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const DdimUpdate& op, const KernelRequest& request, const Launch& launch) {
  const Shape& x = request.inputs[0].shape;
  const int64_t channels = x[1], pixels = x[2] * x[3], elements = request.output.elements();
  const bool guided = request.inputs[1].shape[0] == 2 * x[0];
  const auto& row = static_cast<const DdimCoefficients*>(launch.inputs[2])[launch.i32(3)[0]];
  for (int64_t i = 0; i < elements; ++i) {
    const int64_t n = i / (channels * pixels), c = i / pixels % channels, p = i % pixels;
    const float* eps = launch.f32(1) + (n * pixels + p) * channels + c;
    launch.out()[i] = row.update(launch.f32(0)[i], guided ? row.guide(*eps, eps[elements]) : *eps,
                                 op.noise ? launch.f32(4)[i] : 0);
  }
}

}  // namespace drypoint::reference
