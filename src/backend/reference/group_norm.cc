#include <cmath>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const GroupNorm& op, const KernelRequest& request, const Launch& launch) {
  const Shape& x = request.output.shape;
  const int64_t channels = x.back(), size = channels / op.groups;
  const int64_t pixels = request.output.elements() / x[0] / channels;
  const int64_t first_width = request.inputs[0].shape.back(), rest_width = channels - first_width;
  const auto value = [&](int64_t pixel, int64_t channel) {
    return channel < first_width ? launch.f32(0)[pixel * first_width + channel]
                                 : launch.f32(3)[pixel * rest_width + channel - first_width];
  };
  parallel(x[0] * op.groups, [&](int64_t i) {
    const int64_t n = i / op.groups, g = i % op.groups;
    const int64_t first = n * pixels;
    double sum = 0, squares = 0;
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < size; ++c) sum += value(first + p, g * size + c);
    const double mean = sum / static_cast<double>(pixels * size);
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < size; ++c) {
        const double d = value(first + p, g * size + c) - mean;
        squares += d * d;
      }
    const double scale = 1 / std::sqrt(squares / static_cast<double>(pixels * size) + op.epsilon);
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < size; ++c) {
        const int64_t channel = g * size + c;
        const int64_t weight = n / (x[0] / op.weight_groups) * channels + channel;
        launch.out()[(first + p) * channels + channel] = static_cast<float>(activated(
            op.activation, (value(first + p, channel) - mean) * scale * launch.f32(1)[weight] +
                               launch.f32(2)[weight]));
      }
  });
}

}  // namespace drypoint::reference
