#include "backend/reference/kernels.h"
#include "ops/product.h"

namespace drypoint::reference {

void run(const Linear& op, const KernelRequest& request, const Launch& launch) {
  const Shape& w = request.inputs[1].shape;
  const int64_t rows = request.inputs[0].elements() / w[1], width = request.output.shape.back();
  const int64_t group_rows = rows / op.groups, group_width = w[0] / op.groups;
  const float* bias = op.bias ? launch.f32(2) : nullptr;
  if (op.select) bias += launch.i32(step_index(op))[0] * w[0];
  const double scale = op.scale >= 0 ? launch.f32(scales_index(op))[op.scale] : 1.0;
#pragma omp parallel for collapse(2)
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < width; ++o) {
      const auto product = [&](int64_t column) {
        const int64_t row = r / group_rows * group_width + column;
        const float *x = launch.f32(0) + r * w[1], *weight = launch.f32(1) + row * w[1];
        double sum = bias ? bias[row] : 0.0;
        for (int64_t i = 0; i < w[1]; ++i) sum += double{x[i]} * weight[i];
        return sum;
      };
      double sum = product(o);
      if (op.gated) sum *= activate(ActivationKind::gelu, product(width + o));
      sum *= scale;
      if (op.residual) sum += launch.f32(residual_index(op))[r * width + o];
      launch.out()[r * width + o] = static_cast<float>(activate(op.activation, sum));
    }
}

}  // namespace drypoint::reference
