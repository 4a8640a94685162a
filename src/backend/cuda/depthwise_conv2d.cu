#include "ops/depthwise_conv2d.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

struct DepthwiseShape {
  int64_t height, width, channels, out_height, out_width, taps_down, taps_across;
};

/// One thread for each result; neighbours have neighbouring channels. `bias` may be null.
template <class T>
__global__ void depthwise_conv2d(const T* x, const float* weight, const float* bias, T* y,
                                 DepthwiseConv2d op, DepthwiseShape s, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t c = i % s.channels, ox = i / s.channels % s.out_width;
    const int64_t oy = i / (s.channels * s.out_width) % s.out_height;
    const int64_t n = i / (s.channels * s.out_width * s.out_height);
    const float* own = weight + c * s.taps_down * s.taps_across;
    float sum = bias ? bias[c] : 0;
    for (int64_t ky = 0; ky < s.taps_down; ++ky)
      for (int64_t kx = 0; kx < s.taps_across; ++kx) {
        const int64_t iy = oy * op.stride + ky - op.top, ix = ox * op.stride + kx - op.left;
        if (iy >= 0 && iy < s.height && ix >= 0 && ix < s.width)
          sum += to_float(x[((n * s.height + iy) * s.width + ix) * s.channels + c]) *
                 own[ky * s.taps_across + kx];
      }
    y[i] = from_float<T>(sum);
  }
}

}  // namespace

KernelPtr make(const DepthwiseConv2d& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const DepthwiseShape s{x[1], x[2], x[3], y[1], y[2], w[2], w[3]};
  const int64_t count = request.output.elements();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, depthwise_conv2d<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), l.f32(1), l.inputs.size() > 2 ? l.f32(2) : nullptr,
             static_cast<T*>(l.output), op, s, count);
    });
  });
}

}  // namespace drypoint::cuda
