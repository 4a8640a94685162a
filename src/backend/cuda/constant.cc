#include "ops/constant.h"

#include "backend/cuda/kernels.h"
#include "base/error.h"

namespace drypoint::cuda {

KernelPtr make(const Constant& op, const KernelRequest& request, const Context&) {
  fail(ErrorKind::unsupported, "{}: {} at run time on device cuda", request.module, op.name);
}

}  // namespace drypoint::cuda
