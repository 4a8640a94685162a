#include "ops/upsample.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Upsample&, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  return make_kernel([=, channels = y[3]](const Launch& launch) {
    parallel_tasks(context, y[0] * y[1], [&](int64_t row) {
      const int64_t n = row / y[1], from_y = row % y[1] * x[1] / y[1];
      const float* from = launch.f32(0) + (n * x[1] + from_y) * x[2] * channels;
      float* to = launch.out() + row * y[2] * channels;
      for (int64_t i = 0; i < y[2]; ++i)
        to = std::copy_n(from + i * x[2] / y[2] * channels, channels, to);
    });
  });
}

}  // namespace drypoint::cpu
