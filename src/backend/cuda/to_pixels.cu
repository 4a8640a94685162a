#include "ops/to_pixels.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// Rounds as the host does: a product, then a sum.
template <class T>
__global__ void to_pixels(const T* x, const float* offset, uint8_t* out, int channels,
                          int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    uint8_t* pixel = out + i * (channels + 1);
    bool finite = true;
    for (int c = 0; c < channels; ++c) {
      const float value = to_float(x[i * channels + c]);
      const bool is_number = isfinite(value);
      const float scaled = __fadd_rn(__fmul_rn(value, 127.5f), *offset);
      pixel[c] = is_number ? static_cast<uint8_t>(fminf(fmaxf(scaled, 0.0f), 255.0f)) : 0;
      finite = finite && is_number;
    }
    pixel[channels] = finite ? 255 : 0;
  }
}

}  // namespace

KernelPtr make(const ToPixels&, const KernelRequest& request, const Context& context) {
  const int64_t channels = request.inputs[0].shape.back();
  const int64_t pixels = request.inputs[0].elements() / channels;
  return make_kernel([=, &context, dtype = request.inputs[0].dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, to_pixels<T>, blocks_for(context, pixels), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), l.f32(1), static_cast<uint8_t*>(l.output),
             static_cast<int>(channels), pixels);
    });
  });
}

}  // namespace drypoint::cuda
