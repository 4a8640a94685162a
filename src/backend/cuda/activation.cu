#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

template <class T>
__global__ void activation(const T* x, T* y, int64_t count, ActivationKind kind) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    y[i] = from_float<T>(activate(kind, to_float(x[i])));
}

}  // namespace

KernelPtr make(const Activation& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, activation<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), static_cast<T*>(l.output), count, op.kind);
    });
  });
}

}  // namespace drypoint::cuda
