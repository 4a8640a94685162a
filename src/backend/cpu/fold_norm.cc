#include "ops/fold_norm.h"

#include "backend/cpu/kernels.h"
#include "base/error.h"

namespace drypoint::cpu {

KernelPtr make(const FoldNorm& op, const KernelRequest& request, const Context&) {
  fail(ErrorKind::unsupported, "{}: {} of values that are not weights on device cpu",
       request.module, op.name);
}

}  // namespace drypoint::cpu
