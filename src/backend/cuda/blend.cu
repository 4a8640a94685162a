#include "ops/blend.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// x and out [rows, channels, pixels], or [rows, pixels, channels] if `channels_last`; mask
/// [latents, pixels]; known and other [latents, channels, pixels]; table [steps, 3].
template <class T>
__global__ void blend(const T* x, const float* mask, const float* known, const float* other,
                      const float* table, const int32_t* step, T* out, bool channels_last,
                      int64_t latents, int64_t channels, int64_t pixels, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const float* row = table + int64_t{*step} * 3;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t r = i / (channels * pixels), n = r % latents;
    const int64_t c = channels_last ? i % channels : i / pixels % channels;
    const int64_t p = channels_last ? i / channels % pixels : i % pixels;
    const int64_t at = (n * channels + c) * pixels + p;
    out[i] = r >= latents && !channels_last
                 ? x[i]
                 : from_float<T>(
                       blended(to_float(x[i]), mask[n * pixels + p], known[at], other[at], row));
  }
}

}  // namespace

KernelPtr make(const Blend& op, const KernelRequest& request, const Context& context) {
  const Shape& known = request.inputs[2].shape;
  const int64_t latents = known[0], channels = known[1], pixels = known[2] * known[3];
  const int64_t count = request.output.elements();
  return make_kernel([=, &context, dtype = request.output.dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, blend<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), l.f32(1), l.f32(2), l.f32(3), l.f32(4), l.i32(5),
             static_cast<T*>(l.output), op.channels_last, latents, channels, pixels, count);
    });
  });
}

}  // namespace drypoint::cuda
