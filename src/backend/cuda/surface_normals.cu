#include "ops/surface_normals.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// One thread for each direction.
template <class T>
__global__ void surface_normals(const T* x, T* out, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    float values[4];
    for (int c = 0; c < 4; ++c) values[c] = to_float(x[4 * i + c]);
    const float length = norm3df(values[0], values[1], values[2]) + 1e-10f;
    for (int c = 0; c < 3; ++c) out[4 * i + c] = from_float<T>(values[c] / length);
    out[4 * i + 3] = from_float<T>((values[3] > 0 ? values[3] : expm1f(values[3])) + 1.01f);
  }
}

}  // namespace

KernelPtr make(const SurfaceNormals&, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements() / 4;
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, surface_normals<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), static_cast<T*>(l.output), count);
    });
  });
}

}  // namespace drypoint::cuda
