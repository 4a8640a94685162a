#include "ops/fold_norm.h"

#include "backend/cuda/kernels.h"
#include "base/error.h"

namespace drypoint::cuda {

KernelPtr make(const FoldNorm& op, const KernelRequest& request, const Context&) {
  fail(ErrorKind::unsupported, "{}: {} of values that are not weights on device cuda",
       request.module, op.name);
}

}  // namespace drypoint::cuda
