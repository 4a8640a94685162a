#include "ops/fold_norm.h"

#include "backend/cuda/kernels.h"
#include "backend/weights_only.h"

namespace drypoint::cuda {

KernelPtr make(const FoldNorm& op, const KernelRequest& request, const Context&) {
  refuse_at_run_time(op, request, "cuda");
}

}  // namespace drypoint::cuda
