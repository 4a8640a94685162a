#include <cmath>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const LayerNorm& op, const KernelRequest& request, const Launch& launch) {
  const int64_t width = request.output.shape.back(), rows = request.output.elements() / width;
  parallel(rows, [&](int64_t r) {
    const float* x = launch.f32(0) + r * width;
    const int64_t group = r / (rows / op.weight_groups) * width;
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < width; ++c) sum += x[c];
    const double mean = sum / static_cast<double>(width);
    for (int64_t c = 0; c < width; ++c) squares += (x[c] - mean) * (x[c] - mean);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + op.epsilon);
    for (int64_t c = 0; c < width; ++c)
      launch.out()[r * width + c] = static_cast<float>(
          (x[c] - mean) * scale * launch.f32(1)[group + c] + launch.f32(2)[group + c]);
  });
}

}  // namespace drypoint::reference
