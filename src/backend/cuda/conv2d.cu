#include "ops/conv2d.h"

#include "backend/cuda/gemm.h"

namespace drypoint::cuda {

KernelPtr make(const Conv2d& op, const KernelRequest& request, const Context& context) {
  return make_gemm(op, request, context);
}

}  // namespace drypoint::cuda
