#include "ops/leaky_relu.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// `slopes` [channels] or null.
template <class T>
__global__ void leaky_relu(const T* x, const float* slopes, float slope, T* out, int64_t channels,
                           int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const float value = to_float(x[i]), share = slopes ? slopes[i % channels] : slope;
    out[i] = from_float<T>(value > 0 ? value : share * value);
  }
}

}  // namespace

KernelPtr make(const LeakyRelu& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements(), channels = request.output.shape.back();
  return make_kernel(
      [=, &context, slope = op.slope, dtype = request.output.dtype](const Launch& l) {
        with_type(dtype, [&](auto type) {
          using T = decltype(type);
          launch(context, leaky_relu<T>, blocks_for(context, count), 256, 0, 1,
                 static_cast<const T*>(l.inputs[0]), l.inputs.size() > 1 ? l.f32(1) : nullptr,
                 slope, static_cast<T*>(l.output), channels, count);
        });
      });
}

}  // namespace drypoint::cuda
