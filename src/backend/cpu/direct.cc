// A convolution as a product: row r of A has what lies under the filter for the r-th output, the
// filter's rows one after the other, [KH, KW, I]. It is gathered by pieces, never as a whole.
#include <cstring>

#include "backend/cpu/conv2d.h"
#include "backend/cpu/gemm.h"

namespace drypoint::cpu {
namespace {

/// Where the windows of a picture's rows are, in bytes.
struct WindowRows {
  int64_t pixel, row;  // bytes of x's
  int64_t line;        // of the filter's
  int64_t depth;       // of the filter
  int zero;            // a byte of what is beyond the border
};

/// `bytes` of one row of A from byte `k` on.
void gather(const Conv2d& op, const Shape& x, const WindowRows& w, const std::byte* picture,
            int64_t oy, int64_t ox, int64_t k, int64_t bytes, std::byte* to) {
  const auto fill = [&](int64_t count) {
    std::memset(to, w.zero, static_cast<size_t>(count));
    to += count;
  };
  const int64_t left = (ox * op.stride - op.left) * w.pixel;
  const int64_t last = std::min(k + bytes, w.depth), beyond = k + bytes - last;
  while (k < last) {
    // Of the filter's row, and of that what is in the picture.
    const int64_t begin = k % w.line, end = std::min(w.line, begin + last - k);
    const int64_t iy = oy * op.stride + k / w.line - op.top;
    const bool inside = iy >= 0 && iy < x[1];
    const int64_t low = inside ? std::clamp(-left, begin, end) : end;
    const int64_t high = inside ? std::clamp(w.row - left, low, end) : end;
    fill(low - begin);
    to = std::copy_n(picture + iy * w.row + left + low, high - low, to);
    fill(end - high);
    k += end - begin;
  }
  fill(beyond);
}

}  // namespace

KernelPtr make_direct(const Conv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const DType factors = factors_of(request, context);
  const OperandPositions at = positions_of(op);
  const int64_t shares = at.input_scales < 0 ? 0 : request.inputs[at.input_scales].elements();
  const int64_t pixel = x[3] * static_cast<int64_t>(size_of(factors));
  const WindowRows windows{.pixel = pixel,
                           .row = x[2] * pixel,
                           .line = w[3] * pixel,
                           .depth = w[2] * w[3] * pixel,
                           .zero = factors == DType::i8 ? 128 : 0};
  const auto read = [=](const std::byte* pictures, int64_t row, int64_t rows, int64_t begin,
                        int64_t bytes, std::byte* buffer) {
    const int64_t stride = round_up(bytes, 64);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t place = row + r, n = place / (y[1] * y[2]);
      gather(op, x, windows, pictures + n * x[1] * windows.row, place / y[2] % y[1], place % y[2],
             begin, bytes, buffer + r * stride);
    }
    return GemmRows{buffer, stride};
  };
  return make_gemm({.rows = y[0] * y[1] * y[2],
                    .columns = y[3],
                    .depth = w[1] * w[2] * w[3],
                    .x_elements = request.inputs[0].elements(),
                    .taps = w[2] * w[3],
                    .constant = request.constant[1],
                    .factors = factors,
                    .at = at,
                    .input_scales = shares,
                    .activation = op.epilogue.activation,
                    .description = "direct"},
                   context, read);
}

}  // namespace drypoint::cpu
