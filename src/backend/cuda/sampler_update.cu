#include "ops/sampler_update.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

/// slots and out [slots, latents, channels, pixels]; output [guided ? 2 : 1, latents, pixels,
/// channels]; rows [steps, slots * (slots + 2)]; noise [noises, latents, channels, pixels] or null.
/// `count` is the size of one slot.
template <class T>
__global__ void sampler_update(const float* slots, const T* output, const float* rows,
                               const int32_t* step, const float* guidance_scale, const float* noise,
                               float* out, int slot_count, int64_t noises, int64_t channels,
                               int64_t pixels, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t at = *step;
  const float* row = rows + at * slot_count * (slot_count + 2);
  if (noise) noise += at % noises * count;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t n = i / (channels * pixels), c = i / pixels % channels, p = i % pixels;
    const T* predicted = output + (n * pixels + p) * channels + c;
    float e = to_float(*predicted);
    if (guidance_scale) e = guide(e, to_float(predicted[count]), guidance_scale[n]);
    const float fresh = noise ? noise[i] : 0;
    float old[kMostSlots];
    for (int k = 0; k < kMostSlots; ++k) old[k] = k < slot_count ? slots[k * count + i] : 0;
    for (int k = 0; k < slot_count; ++k)
      out[k * count + i] = new_slot(row + k * (slot_count + 2), slot_count, old, e, fresh);
  }
}

}  // namespace

KernelPtr make(const SamplerUpdate& op, const KernelRequest& request, const Context& context) {
  const Shape& x = request.inputs[0].shape;
  const int64_t latents = op.latents(request.inputs), channels = x[1], pixels = x[2] * x[3];
  const int64_t count = latents * channels * pixels;
  const int slots = static_cast<int>(x[0] / latents);
  const int64_t noises = op.noise ? request.inputs[op.noise_input()].shape[0] / latents : 1;
  return make_kernel([=, &context, dtype = request.inputs[1].dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, sampler_update<T>, blocks_for(context, count), 256, 0, 1, l.f32(0),
             static_cast<const T*>(l.inputs[1]), l.f32(2), l.i32(3), op.guided ? l.f32(4) : nullptr,
             op.noise ? l.f32(op.noise_input()) : nullptr, l.out(), slots, noises, channels, pixels,
             count);
    });
  });
}

}  // namespace drypoint::cuda
