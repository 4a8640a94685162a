#include "backend/reference/kernels.h"
#include "ops/product.h"

namespace drypoint::reference {
void run(const Linear& op, const KernelRequest& request, const Launch& launch) {
  const Shape& w = request.inputs[1].shape;
  const int64_t width = request.output.shape.back(), rows = request.output.elements() / width;
  const int64_t first_width = request.inputs[0].shape.back(), rest_width = w[1] - first_width;
  const OperandPositions operand = positions_of(op);
  const Epilogue& epilogue = op.epilogue;
  const float* rest = op.concat ? launch.f32(operand.rest) : nullptr;
  const int64_t group_rows = rows / op.groups, group_width = w[0] / op.groups;
  const float* bias = epilogue.bias ? launch.f32(operand.bias) : nullptr;
  if (epilogue.select) bias += launch.i32(operand.step)[0] * w[0];
  const double scale = epilogue.scale >= 0 ? launch.f32(operand.scales)[epilogue.scale] : 1.0;
  parallel(rows, [&](int64_t r) {
    const float* x = launch.f32(0) + r * first_width;
    const double divisor =
        op.normed ? deviation({x, static_cast<size_t>(first_width)}, op.epsilon) : 1.0;
    for (int64_t o = 0; o < width; ++o) {
      const auto product = [&](int64_t column) {
        const int64_t row = r / group_rows * group_width + column;
        const float* weight = launch.f32(1) + row * w[1];
        double sum = 0;
        for (int64_t i = 0; i < first_width; ++i) sum += double{x[i]} * weight[i];
        for (int64_t i = 0; i < rest_width; ++i)
          sum += double{rest[r * rest_width + i]} * weight[first_width + i];
        return sum / divisor + (bias ? bias[row] : 0.0);
      };
      double sum = product(o);
      if (epilogue.gate) sum *= activated(ActivationKind::gelu, product(width + o));
      sum *= scale;
      if (epilogue.residual) sum += launch.f32(operand.residual)[r * width + o];
      launch.out()[r * width + o] = static_cast<float>(activated(epilogue.activation, sum));
    }
  });
}

}  // namespace drypoint::reference
