#include "ops/soft_blend.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"
#include "backend/cuda/kernels/numeric.cuh"
#include "ops/sampler_update.h"

namespace drypoint::cuda {
namespace {

struct SoftPower {
  __host__ __device__ double operator()(double x, double exponent) const {
    return pow(x, exponent);
  }
};

/// output [2 or 1, latents, pixels, channels]; slots and known [latents, channels, pixels]; mask
/// [latents, pixels]; table [steps, 6]; out [latents, pixels, channels]. A thread a pixel.
template <class T>
__global__ void soft_blend(const T* output, const float* slots, const float* mask,
                           const float* known, const float* table, const int32_t* step,
                           const float* guidance_scale, float* out, int64_t channels,
                           int64_t pixels, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const SoftRow row = SoftRow::at(table + int64_t{*step} * SoftRow::size);
  const SoftPower power;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t n = i / pixels, first = n * channels * pixels + i % pixels;
    const double share = power(mask[i], row.exponent);
    const auto t = static_cast<float>(share);
    float of_known = 0, of_drawn = 0, of_mixed = 0;
    for (int64_t c = 0; c < channels; ++c) {
      float said = to_float(output[i * channels + c]);
      if (guidance_scale)
        said = guide(said, to_float(output[(count + i) * channels + c]), guidance_scale[n]);
      const float kept = known[first + c * pixels];
      const float drawn =
          row.clean_of_seen * slots[first + c * pixels] + row.clean_of_output * said;
      const float mixed = (1 - t) * kept + t * drawn;
      of_known += kept * kept;
      of_drawn += drawn * drawn;
      of_mixed += mixed * mixed;
      out[i * channels + c] = mixed;
    }
    const float stretch =
        soft_stretch(sqrtf(of_known), sqrtf(of_drawn), sqrtf(of_mixed), share, row.contrast, power);
    for (int64_t c = 0; c < channels; ++c) {
      float& value = out[i * channels + c];
      value =
          row.output_of_clean * stretch * value + row.output_of_seen * slots[first + c * pixels];
    }
  }
}

}  // namespace

KernelPtr make(const SoftBlend& op, const KernelRequest& request, const Context& context) {
  const Shape& known = request.inputs[3].shape;
  const int64_t channels = known[1], pixels = known[2] * known[3], count = known[0] * pixels;
  return make_kernel([=, &context, dtype = request.inputs[0].dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, soft_blend<T>, blocks_for(context, count), 256, 0, 1,
             static_cast<const T*>(l.inputs[0]), l.f32(1), l.f32(2), l.f32(3), l.f32(4), l.i32(5),
             op.guided ? l.f32(6) : nullptr, l.out(), channels, pixels, count);
    });
  });
}

}  // namespace drypoint::cuda
