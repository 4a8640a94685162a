#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Add&, const KernelRequest& request, const Launch& launch) {
  const Shape &a = request.inputs[0].shape, &b = request.inputs[1].shape;
  for (int64_t i = 0; i < request.output.elements(); ++i) {
    // Walk the dimensions from the last, skipping those that b broadcasts.
    int64_t rest = i, from = 0, stride = 1;
    for (size_t d = 1; d <= b.size(); ++d) {
      const int64_t extent = a[a.size() - d], own = b[b.size() - d];
      if (own != 1) from += rest % extent * stride;
      stride *= own;
      rest /= extent;
    }
    launch.out()[i] = launch.f32(0)[i] + launch.f32(1)[from];
  }
}

}  // namespace drypoint::reference
