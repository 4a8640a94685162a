#include "ops/concat.h"

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

KernelPtr make(const Concat& op, const KernelRequest& request, const Context& context) {
  const Shape& out = request.output.shape;
  const size_t axis = op.axis < 0 ? op.axis + out.size() : op.axis;
  const int64_t inner = element_count(Shape(out.begin() + axis + 1, out.end()));
  const int64_t rows = element_count(Shape(out.begin(), out.begin() + axis));
  const int64_t width = out[axis] * inner;
  std::vector<int64_t> parts;  // each input's part of a row
  for (const auto& input : request.inputs) parts.push_back(input.shape[axis] * inner);
  return make_kernel([=](const Launch& launch) {
    parallel_ranges(context, rows, elements_per_task / std::max<int64_t>(width, 1),
                    [&](int64_t begin, int64_t end) {
                      float* to = launch.out() + begin * width;
                      for (int64_t row = begin; row < end; ++row)
                        for (size_t i = 0; i < parts.size(); ++i)
                          to = std::copy_n(launch.f32(i) + row * parts[i], parts[i], to);
                    });
  });
}

}  // namespace drypoint::cpu
