#include "ops/quantize.h"

#include "backend/cuda/kernels.h"
#include "base/error.h"

namespace drypoint::cuda {

KernelPtr make(const Quantize& op, const KernelRequest& request, const Context&) {
  fail(ErrorKind::unsupported, "{}: {} on device cuda", request.module, op.name);
}

}  // namespace drypoint::cuda
