#include "ops/linear.h"

#include "backend/cuda/gemm.h"

namespace drypoint::cuda {

KernelPtr make(const Linear& op, const KernelRequest& request, const Context& context) {
  return make_gemm(op, request, context);
}

}  // namespace drypoint::cuda
