#include "ops/multiply_plane.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

template <class T>
__global__ void multiply_plane(const T* x, const float* plane, T* out, int64_t channels,
                               int64_t places, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    out[i] = from_float<T>(to_float(x[i]) * plane[i / channels % places]);
}

}  // namespace

KernelPtr make(const MultiplyPlane&, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements(), channels = request.output.shape[3];
  const int64_t places = request.inputs[1].elements();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, multiply_plane<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), l.f32(1), static_cast<T*>(l.output), channels,
             places, count);
    });
  });
}

}  // namespace drypoint::cuda
