// The loops that pooling kernels share.
#pragma once

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

/// For each place in the result: start(to), then take(from, to) for each place under the window,
/// then finish(count, to); each for all channels at once.
template <class Pool, class Start, class Take, class Finish>
KernelPtr make_pool(const Pool& op, const KernelRequest& request, const Context& context,
                    Start start, Take take, Finish finish) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  return make_kernel([=](const Launch& launch) {
    parallel_tasks(context, y[0] * y[1], [&](int64_t row) {
      const Window rows(row % y[1], op.size, op.stride, op.padding, x[1]);
      const float* picture = launch.f32(0) + row / y[1] * x[1] * x[2] * x[3];
      float* to = launch.out() + row * y[2] * y[3];
      for (int64_t i = 0; i < y[2]; ++i, to += y[3]) {
        const Window columns(i, op.size, op.stride, op.padding, x[2]);
        start(to, y[3]);
        for (int64_t iy = rows.begin; iy < rows.end; ++iy)
          for (int64_t ix = columns.begin; ix < columns.end; ++ix)
            take(picture + (iy * x[2] + ix) * x[3], to, y[3]);
        finish((rows.end - rows.begin) * (columns.end - columns.begin), to, y[3]);
      }
    });
  });
}

}  // namespace drypoint::cpu
