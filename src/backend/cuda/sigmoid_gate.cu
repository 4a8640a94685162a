#include "ops/sigmoid_gate.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

template <class T>
__global__ void sigmoid_gate(const T* x, const T* gate, T* out, int64_t channels, int64_t picture,
                             int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    out[i] = from_float<T>(to_float(x[i]) *
                           sigmoid(to_float(gate[i / picture * channels + i % channels])));
}

}  // namespace

KernelPtr make(const SigmoidGate&, const KernelRequest& request, const Context& context) {
  const Shape& x = request.output.shape;
  const int64_t count = request.output.elements(), channels = x[3], picture = x[1] * x[2] * x[3];
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, sigmoid_gate<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), static_cast<const T*>(l.inputs[1]),
             static_cast<T*>(l.output), channels, picture, count);
    });
  });
}

}  // namespace drypoint::cuda
