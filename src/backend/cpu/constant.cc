#include "ops/constant.h"

#include "backend/cpu/kernels.h"
#include "backend/weights_only.h"

namespace drypoint::cpu {

KernelPtr make(const Constant& op, const KernelRequest& request, const Context&) {
  refuse_at_run_time(op, request, "cpu");
}

}  // namespace drypoint::cpu
