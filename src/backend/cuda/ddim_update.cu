#include "ops/ddim_update.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// latent and out [samples, channels, pixels], eps [guided ? 2 : 1, samples, pixels, channels]
template <class T>
__global__ void ddim_update(const float* latent, const T* eps, const DdimCoefficients* table,
                            const int32_t* step, const float* noise, float* out, int64_t channels,
                            int64_t pixels, int64_t count, bool guided) {
  wait_for_previous();
  let_next_begin();
  const DdimCoefficients row = table[*step];
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t n = i / (channels * pixels), c = i / pixels % channels, p = i % pixels;
    const T* predicted = eps + (n * pixels + p) * channels + c;
    float e = to_float(*predicted);
    if (guided) e = row.guide(e, to_float(predicted[count]));
    out[i] = row.update(latent[i], e, noise ? noise[i] : 0);
  }
}

}  // namespace

KernelPtr make(const DdimUpdate& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.inputs[0].shape;
  const int64_t channels = x[1], pixels = x[2] * x[3], count = request.output.elements();
  const bool guided = request.inputs[1].shape[0] == 2 * x[0];
  return make_kernel([=, &context, dtype = request.inputs[1].dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, ddim_update<T>, blocks_for(context, count), 256, 0, 1, l.f32(0),
             static_cast<const T*>(l.inputs[1]), static_cast<const DdimCoefficients*>(l.inputs[2]),
             l.i32(3), op.noise ? l.f32(4) : nullptr, l.out(), channels, pixels, count, guided);
    });
  });
}

}  // namespace drypoint::cuda
