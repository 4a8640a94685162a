#include "ops/slice.h"

#include "backend/cuda/kernels.h"

namespace drypoint::cuda {

KernelPtr make(const Slice& op, const KernelRequest& request, const Context& context) {
  const size_t offset = view_offset(op, request.inputs[0]);
  return make_kernel([=, &context, bytes = request.output.bytes()](const Launch& l) {
    const auto* from = static_cast<const std::byte*>(l.inputs[0]) + offset;
    if (l.output != from)
      DRYPOINT_CUDA(
          cudaMemcpyAsync(l.output, from, bytes, cudaMemcpyDeviceToDevice, context.stream));
  });
}

}  // namespace drypoint::cuda
