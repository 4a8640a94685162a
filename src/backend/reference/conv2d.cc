#include "backend/reference/kernels.h"
#include "ops/product.h"

namespace drypoint::reference {

void run(const Conv2d& op, const KernelRequest& request, const Launch& launch) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  // [O, I, KH, KW] -> [KH, KW, I, O], so that the innermost loop runs over neighbours.
  std::vector<float> weight(request.inputs[1].elements());
  for (int64_t o = 0; o < w[0]; ++o)
    for (int64_t i = 0; i < w[1]; ++i)
      for (int64_t k = 0; k < w[2] * w[3]; ++k)
        weight[(k * w[1] + i) * w[0] + o] = launch.f32(1)[(o * w[1] + i) * w[2] * w[3] + k];
  const int64_t channels = y[3], times = op.doubled ? 2 : 1;
  const float* bias = op.bias ? launch.f32(2) : nullptr;
  if (op.select) bias += launch.i32(step_index(op))[0] * w[0];
  const double scale = op.scale >= 0 ? launch.f32(scales_index(op))[op.scale] : 1.0;
#pragma omp parallel for
  for (int64_t row = 0; row < y[0] * y[1]; ++row) {
    std::vector<double> sums(channels);
    const int64_t n = row / y[1], oy = row % y[1];
    const int64_t first = n / (y[0] / op.groups) * channels;  // of this picture's filters
    for (int64_t ox = 0; ox < y[2]; ++ox) {
      for (int64_t o = 0; o < channels; ++o) sums[o] = bias ? bias[first + o] : 0.0;
      for (int64_t ky = 0; ky < w[2]; ++ky)
        for (int64_t kx = 0; kx < w[3]; ++kx) {
          const int64_t iy = oy * op.stride + ky - op.top, ix = ox * op.stride + kx - op.left;
          if (iy < 0 || iy >= times * x[1] || ix < 0 || ix >= times * x[2]) continue;
          const float* pixel = launch.f32(0) + ((n * x[1] + iy / times) * x[2] + ix / times) * x[3];
          const float* taps = weight.data() + (ky * w[3] + kx) * w[1] * w[0] + first;
          for (int64_t i = 0; i < w[1]; ++i)
            for (int64_t o = 0; o < channels; ++o) sums[o] += double{pixel[i]} * taps[i * w[0] + o];
        }
      const int64_t at = (row * y[2] + ox) * y[3];
      for (int64_t o = 0; o < channels; ++o) {
        const double residual = op.residual ? launch.f32(residual_index(op))[at + o] : 0.0;
        launch.out()[at + o] =
            static_cast<float>(activate(op.activation, scale * sums[o] + residual));
      }
    }
  }
}

}  // namespace drypoint::reference
