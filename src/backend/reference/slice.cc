#include <algorithm>

#include "backend/reference/kernels.h"

namespace drypoint::reference {

void run(const Slice& op, const KernelRequest& request, const Launch& launch) {
  const float* from = launch.f32(0) + view_offset(op, request.inputs[0]) / sizeof(float);
  if (launch.output != from) std::copy_n(from, request.output.elements(), launch.out());
}

}  // namespace drypoint::reference
