#include "ops/scales.h"

#include "backend/cuda/kernels.h"
#include "base/error.h"

namespace drypoint::cuda {

KernelPtr make(const Scales& op, const KernelRequest& request, const Context&) {
  fail(ErrorKind::unsupported, "{}: {} on device cuda", request.module, op.name);
}

}  // namespace drypoint::cuda
