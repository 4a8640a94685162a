// Pooling: one thread for each result.
#pragma once

#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {

struct PoolShape {
  int64_t height, width, channels, out_height, out_width;
  int64_t size, stride, padding;
};

/// `join(so_far, value)` over a window's values from `start`, then `finish(total, count)`.
template <class T, class Join, class Finish>
__global__ void pool(const T* x, T* y, PoolShape s, int64_t count, float start, Join join,
                     Finish finish) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t c = i % s.channels, ox = i / s.channels % s.out_width;
    const int64_t oy = i / (s.channels * s.out_width) % s.out_height;
    const int64_t n = i / (s.channels * s.out_width * s.out_height);
    const int64_t top = oy * s.stride - s.padding, left = ox * s.stride - s.padding;
    float total = start;
    int values = 0;
    for (int64_t iy = max(top, int64_t{0}); iy < min(top + s.size, s.height); ++iy)
      for (int64_t ix = max(left, int64_t{0}); ix < min(left + s.size, s.width); ++ix, ++values)
        total = join(total, to_float(x[((n * s.height + iy) * s.width + ix) * s.channels + c]));
    y[i] = from_float<T>(finish(total, values));
  }
}

template <class Op, class Join, class Finish>
KernelPtr make_pool(const Op& op, const KernelRequest& request, const Context& context, float start,
                    Join join, Finish finish) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  const PoolShape s{x[1], x[2], x[3], y[1], y[2], op.size, op.stride, op.padding};
  const int64_t count = request.output.elements();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, pool<T, Join, Finish>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), static_cast<T*>(l.output), s, count, start, join,
             finish);
    });
  });
}

}  // namespace drypoint::cuda
