#include "ops/permute.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Permute& op, const KernelRequest& request, const Context& context) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  std::vector<int64_t> strides(x.size(), 1), steps;  // of x, and of x as y walks it
  for (size_t d = x.size() - 1; d > 0; --d) strides[d - 1] = strides[d] * x[d];
  for (const int64_t axis : op.axes) steps.push_back(strides[axis]);
  const int64_t width = y.back(), step = steps.back();
  if (request.output.elements() == 0) return make_kernel([](const Launch&) {});

  return make_kernel([=, rows = request.output.elements() / width](const Launch& launch) {
    parallel_ranges(context, rows, elements_per_task / width, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t rest = row, from = 0;
        for (size_t d = y.size() - 1; d-- > 0; rest /= y[d]) from += rest % y[d] * steps[d];
        for (int64_t i = 0; i < width; ++i)
          launch.out()[row * width + i] = launch.f32(0)[from + i * step];
      }
    });
  });
}

}  // namespace drypoint::cpu
