#include "ops/from_pixels.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

__global__ void from_pixels(const uint8_t* pixels, float* out, int channels, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const uint8_t* pixel = pixels + i * (channels + 1);
    for (int c = 0; c < channels; ++c)
      out[i * channels + c] = from_pixel(pixel[c], pixel[channels]);
  }
}

}  // namespace

KernelPtr make(const FromPixels&, const KernelRequest& request, const Context& context) {
  const int64_t channels = request.output.shape.back();
  const int64_t pixels = request.output.elements() / channels;
  return make_kernel([=, &context](const Launch& l) {
    launch(context, from_pixels, blocks_for(context, pixels), 256, 0, 1, l.u8(0), l.out(),
           static_cast<int>(channels), pixels);
  });
}

}  // namespace drypoint::cuda
