#include "ops/constant.h"

#include "backend/cpu/kernels.h"
#include "base/error.h"

namespace drypoint::cpu {

KernelPtr make(const Constant& op, const KernelRequest& request, const Context&) {
  fail(ErrorKind::unsupported, "{}: {} at run time on device cpu", request.module, op.name);
}

}  // namespace drypoint::cpu
