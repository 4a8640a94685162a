#include "ops/constant.h"

#include "backend/cuda/kernels.h"
#include "backend/weights_only.h"

namespace drypoint::cuda {

KernelPtr make(const Constant& op, const KernelRequest& request, const Context&) {
  refuse_at_run_time(op, request, "cuda");
}

}  // namespace drypoint::cuda
