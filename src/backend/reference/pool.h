// What the poolings have in common: the walk over windows.
#pragma once

#include "backend/reference/kernels.h"

namespace drypoint::reference {

/// Each result of a pooling is of(rows, columns, at): its window, and at(y, x), the
/// value of its channel at a place of x.
template <class Pool, class Of>
void pool(const Pool& op, const KernelRequest& request, const Launch& launch, const Of& of) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  float* out = launch.out();
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t oy = 0; oy < y[1]; ++oy)
      for (int64_t ox = 0; ox < y[2]; ++ox)
        for (int64_t c = 0; c < y[3]; ++c) {
          const Window rows(oy, op.size, op.stride, op.padding, x[1]);
          const Window columns(ox, op.size, op.stride, op.padding, x[2]);
          *out++ = of(rows, columns, [&](int64_t iy, int64_t ix) {
            return launch.f32(0)[((n * x[1] + iy) * x[2] + ix) * x[3] + c];
          });
        }
}

}  // namespace drypoint::reference
