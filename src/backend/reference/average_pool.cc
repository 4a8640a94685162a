#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const AveragePool& op, const KernelRequest& request, const Launch& launch) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  float* out = launch.out();
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t oy = 0; oy < y[1]; ++oy)
      for (int64_t ox = 0; ox < y[2]; ++ox)
        for (int64_t c = 0; c < y[3]; ++c) {
          const Window rows(oy, op.size, op.stride, op.padding, x[1]);
          const Window columns(ox, op.size, op.stride, op.padding, x[2]);
          double sum = 0;
          for (int64_t iy = rows.begin; iy < rows.end; ++iy)
            for (int64_t ix = columns.begin; ix < columns.end; ++ix)
              sum += launch.f32(0)[((n * x[1] + iy) * x[2] + ix) * x[3] + c];
          const int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
          *out++ = static_cast<float>(sum / static_cast<double>(count));
        }
}

}  // namespace drypoint::reference
