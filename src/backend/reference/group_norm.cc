#include <cmath>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const GroupNorm& op, const KernelRequest& request, const Launch& launch) {
  const Shape& x = request.output.shape;
  const int64_t channels = x.back(), size = channels / op.groups;
  const int64_t pixels = request.output.elements() / x[0] / channels;
#pragma omp parallel for collapse(2)
  for (int64_t n = 0; n < x[0]; ++n)
    for (int64_t g = 0; g < op.groups; ++g) {
      const int64_t first = n * pixels * channels + g * size;
      double sum = 0, squares = 0;
      for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < size; ++c) sum += launch.f32(0)[first + p * channels + c];
      const double mean = sum / static_cast<double>(pixels * size);
      for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < size; ++c) {
          const double d = launch.f32(0)[first + p * channels + c] - mean;
          squares += d * d;
        }
      const double scale = 1 / std::sqrt(squares / static_cast<double>(pixels * size) + op.epsilon);
      for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < size; ++c) {
          const int64_t at = first + p * channels + c;
          const int64_t channel = n / (x[0] / op.weight_groups) * channels + g * size + c;
          launch.out()[at] = static_cast<float>(
              activate(op.activation, (launch.f32(0)[at] - mean) * scale * launch.f32(1)[channel] +
                                          launch.f32(2)[channel]));
        }
    }
}

}  // namespace drypoint::reference
