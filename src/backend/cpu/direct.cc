// A convolution as a product: row r of A has what lies under the filter for the r-th output, the
// filter's rows one after the other, [KH, KW, I]. It is gathered by pieces, never as a whole.
#include "backend/cpu/conv2d.h"
#include "backend/cpu/gemm.h"

namespace drypoint::cpu {
namespace {

/// One row of A from depth `k` on.
void gather(const Conv2d& op, const Shape& x, int64_t line, const float* picture, int64_t oy,
            int64_t ox, int64_t k, int64_t depth, float* to) {
  const int64_t width = x[2] * x[3], left = (ox * op.stride - op.left) * x[3];
  for (const int64_t last = k + depth; k < last;) {
    // Of the filter's row, and of that what is in the picture.
    const int64_t begin = k % line, end = std::min(line, begin + last - k);
    const int64_t iy = oy * op.stride + k / line - op.top;
    const bool inside = iy >= 0 && iy < x[1];
    const int64_t low = inside ? std::clamp(-left, begin, end) : end;
    const int64_t high = inside ? std::clamp(width - left, low, end) : end;
    to = std::fill_n(to, low - begin, 0.0f);
    to = std::copy_n(picture + iy * width + left + low, high - low, to);
    to = std::fill_n(to, end - high, 0.0f);
    k += end - begin;
  }
}

}  // namespace

KernelPtr make_direct(const Conv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const int64_t line = w[3] * w[1];
  const auto read = [=](const float* pictures, int64_t row, int64_t rows, int64_t k, int64_t depth,
                        float* buffer) {
    const int64_t stride = round_up(depth, 16);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t pixel = row + r, n = pixel / (y[1] * y[2]);
      gather(op, x, line, pictures + n * x[1] * x[2] * x[3], pixel / y[2] % y[1], pixel % y[2], k,
             depth, buffer + r * stride);
    }
    return GemmRows{buffer, stride};
  };
  return make_gemm({.rows = y[0] * y[1] * y[2],
                    .columns = y[3],
                    .depth = w[1] * w[2] * w[3],
                    .taps = w[2] * w[3],
                    .constant = request.constant[1],
                    .at = positions_of(op),
                    .activation = op.epilogue.activation,
                    .description = "direct"},
                   context, read);
}

}  // namespace drypoint::cpu
