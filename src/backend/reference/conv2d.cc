#include "backend/reference/kernels.h"
#include "ops/product.h"

namespace drypoint::reference {

void run(const Conv2d& op, const KernelRequest& request, const Launch& launch) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const int64_t height = filter_height(op, w), width = filter_width(op, w), taps = height * width;
  const int64_t filters = w[0], row_size = request.inputs[1].elements() / filters;
  // [O, I, KH, KW] -> [KH, KW, I, O], so that the innermost loop runs over neighbours; and what
  // there may be for concatenated inputs, [I', O].
  std::vector<float> weight(request.inputs[1].elements());
  for (int64_t o = 0; o < filters; ++o)
    for (int64_t i = 0; i < row_size; ++i) {
      const int64_t place = i < x[3] * taps ? i % taps * x[3] + i / taps : i;
      weight[place * filters + o] = launch.f32(1)[o * row_size + i];
    }
  const int64_t channels = y[3], times = op.upsample ? 2 : 1;
  const OperandPositions operand = positions_of(op);
  const Epilogue& epilogue = op.epilogue;
  const float* bias = epilogue.bias ? launch.f32(operand.bias) : nullptr;
  if (epilogue.select) bias += launch.i32(operand.step)[0] * filters;
  const double scale = epilogue.scale >= 0 ? launch.f32(operand.scales)[epilogue.scale] : 1.0;
  parallel(y[0] * y[1], [&](int64_t row) {
    std::vector<double> sums(channels);
    const int64_t n = row / y[1], oy = row % y[1];
    const int64_t first = n / (y[0] / op.groups) * channels;  // of this picture's filters
    for (int64_t ox = 0; ox < y[2]; ++ox) {
      for (int64_t o = 0; o < channels; ++o) sums[o] = bias ? bias[first + o] : 0.0;
      const auto add = [&](const float* pixel, int64_t size, int64_t place) {
        const float* from = weight.data() + place * filters + first;
        for (int64_t i = 0; i < size; ++i)
          for (int64_t o = 0; o < channels; ++o)
            sums[o] += double{pixel[i]} * from[i * filters + o];
      };
      for (int64_t ky = 0; ky < height; ++ky)
        for (int64_t kx = 0; kx < width; ++kx) {
          const int64_t iy = oy * op.stride + ky - op.top, ix = ox * op.stride + kx - op.left;
          if (iy < 0 || iy >= times * x[1] || ix < 0 || ix >= times * x[2]) continue;
          const float* pixel = launch.f32(0) + ((n * x[1] + iy / times) * x[2] + ix / times) * x[3];
          add(pixel, x[3], (ky * width + kx) * x[3]);
        }
      int64_t place = taps * x[3];
      for (int i = operand.rest; op.concat > 0 && i < operand.count; ++i) {
        const int64_t size = request.inputs[i].shape[3];
        add(launch.f32(i) + (row * y[2] + ox) * size, size, place);
        place += size;
      }
      const int64_t at = (row * y[2] + ox) * y[3];
      for (int64_t o = 0; o < channels; ++o) {
        const double residual = epilogue.residual ? launch.f32(operand.residual)[at + o] : 0.0;
        launch.out()[at + o] =
            static_cast<float>(activated(epilogue.activation, scale * sums[o] + residual));
      }
    }
  });
}

}  // namespace drypoint::reference
