#include "ops/add_scaled.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

template <class T>
__global__ void add_scaled(const T* a, const T* b, const float* scale, T* out, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    out[i] = from_float<T>(to_float(a[i]) + *scale * to_float(b[i]));
}

}  // namespace

KernelPtr make(const AddScaled& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, add_scaled<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), static_cast<const T*>(l.inputs[1]),
             l.f32(2) + op.index, static_cast<T*>(l.output), count);
    });
  });
}

}  // namespace drypoint::cuda
