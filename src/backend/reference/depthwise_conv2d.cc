#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const DepthwiseConv2d& op, const KernelRequest& request, const Launch& launch) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const float* bias = request.inputs.size() > 2 ? launch.f32(2) : nullptr;
  parallel(y[0] * y[1], [&](int64_t row) {
    const int64_t n = row / y[1], oy = row % y[1];
    for (int64_t ox = 0; ox < y[2]; ++ox)
      for (int64_t c = 0; c < y[3]; ++c) {
        double sum = bias ? bias[c] : 0;
        for (int64_t ky = 0; ky < w[2]; ++ky)
          for (int64_t kx = 0; kx < w[3]; ++kx) {
            const int64_t iy = oy * op.stride + ky - op.top, ix = ox * op.stride + kx - op.left;
            if (iy < 0 || iy >= x[1] || ix < 0 || ix >= x[2]) continue;
            sum += double{launch.f32(0)[((n * x[1] + iy) * x[2] + ix) * x[3] + c]} *
                   launch.f32(1)[(c * w[2] + ky) * w[3] + kx];
          }
        launch.out()[(row * y[2] + ox) * y[3] + c] = static_cast<float>(sum);
      }
  });
}

}  // namespace drypoint::reference
