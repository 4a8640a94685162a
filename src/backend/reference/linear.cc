#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Linear& op, const KernelRequest& request, const Launch& launch) {
  const Shape& w = request.inputs[1].shape;
  const int64_t rows = request.inputs[0].elements() / w[1];
#pragma omp parallel for collapse(2)
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < w[0]; ++o) {
      const float *x = launch.f32(0) + r * w[1], *weight = launch.f32(1) + o * w[1];
      double sum = op.bias ? launch.f32(2)[o] : 0.0;
      for (int64_t i = 0; i < w[1]; ++i) sum += double{x[i]} * weight[i];
      if (op.residual) sum += launch.f32(op.residual_index())[r * w[0] + o];
      launch.out()[r * w[0] + o] = static_cast<float>(activate(op.activation, sum));
    }
}

}  // namespace drypoint::reference
