#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Permute& op, const KernelRequest& request, const Launch& launch) {
  const Shape &x = request.inputs[0].shape, &y = request.output.shape;
  std::vector<int64_t> strides(x.size(), 1);
  for (size_t d = x.size() - 1; d > 0; --d) strides[d - 1] = strides[d] * x[d];
  for (int64_t i = 0; i < request.output.elements(); ++i) {
    int64_t rest = i, from = 0;
    for (size_t d = y.size(); d-- > 0; rest /= y[d]) from += rest % y[d] * strides[op.axes[d]];
    launch.out()[i] = launch.f32(0)[from];
  }
}

}  // namespace drypoint::reference
