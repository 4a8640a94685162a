#include "ops/permute.h"

#include <algorithm>

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
      // Some rows at once: where they are columns of x, what a cache line holds is used together.
      constexpr int64_t at_once = 16;
      for (int64_t first = begin; first < end; first += at_once) {
        const int64_t count = std::min(at_once, end - first);
        const float* from[at_once];
        for (int64_t r = 0; r < count; ++r) {
          int64_t rest = first + r, place = 0;
          for (size_t d = y.size() - 1; d-- > 0; rest /= y[d]) place += rest % y[d] * steps[d];
          from[r] = launch.f32(0) + place;
        }
        float* out = launch.out() + first * width;
        for (int64_t i = 0; i < width; ++i)
          for (int64_t r = 0; r < count; ++r) out[r * width + i] = from[r][i * step];
      }
    });
  });
}

}  // namespace drypoint::cpu
