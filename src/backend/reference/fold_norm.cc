#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const FoldNorm&, const KernelRequest& request, const Launch& launch) {
  const int64_t rows = request.output.shape[0], width = request.output.shape[1];
  parallel(rows, [&](int64_t r) {
    const float *weight = launch.f32(0) + r * width, *gamma = launch.f32(1);
    double sum = 0;
    for (int64_t i = 0; i < width; ++i) sum += double{weight[i]} * gamma[i];
    const double mean = sum / static_cast<double>(width);
    for (int64_t i = 0; i < width; ++i)
      launch.out()[r * width + i] = static_cast<float>(double{weight[i]} * gamma[i] - mean);
  });
}

}  // namespace drypoint::reference
