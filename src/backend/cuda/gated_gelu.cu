#include "ops/gated_gelu.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// x [rows, 2 width] -> y [rows, width]
template <class T>
__global__ void gated_gelu(const T* x, T* y, int64_t width, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const T* from = x + i / width * 2 * width + i % width;
    y[i] = from_float<T>(to_float(from[0]) * gelu(to_float(from[width])));
  }
}

}  // namespace

KernelPtr make(const GatedGelu&, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements(), width = request.output.shape.back();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, gated_gelu<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), static_cast<T*>(l.output), width, count);
    });
  });
}

}  // namespace drypoint::cuda
