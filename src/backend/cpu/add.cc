#include "ops/add.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Add&, const KernelRequest& request, const Context& context) {
  // The last dimensions, in which b is as large as a, are a row; each row of a meets row
  // from[row] of b.
  const Shape &a = request.inputs[0].shape, &b = request.inputs[1].shape;
  size_t same = 0;
  int64_t width = 1;
  for (; same < b.size() && a[a.size() - 1 - same] == b[b.size() - 1 - same]; ++same)
    width *= a[a.size() - 1 - same];
  const int64_t elements = request.output.elements();
  if (elements == 0) return make_kernel([](const Launch&) {});

  const auto row_of_b = [a, b, same](int64_t row) {
    int64_t from = 0, stride = 1;
    for (size_t d = same + 1; d <= b.size(); ++d) {
      const int64_t extent = a[a.size() - d], own = b[b.size() - d];
      if (own != 1) from += row % extent * stride;
      stride *= own;
      row /= extent;
    }
    return from;
  };
  return make_kernel([=](const Launch& launch) {
    const float *left = launch.f32(0), *right = launch.f32(1);
    float* out = launch.out();
    parallel_ranges(context, elements, elements_per_task, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end;) {  // a row, or what of it lies in this range
        const int64_t row = i / width, stop = std::min(end, (row + 1) * width);
        const float* addend = right + (row_of_b(row) - row) * width;
        for (; i < stop; ++i) out[i] = left[i] + addend[i];
      }
    });
  });
}

}  // namespace drypoint::cpu
