#include "ops/rescale_guidance.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/numeric.cuh"
#include "ops/sampler_update.h"

namespace drypoint::cuda {
namespace {

constexpr int rescale_threads = 1024;

/// Of all threads of a block, the same for each.
__device__ float block_sum(float x) {
  __shared__ float of_warp[rescale_threads / 32];
  x = warp_sum(x);
  __syncthreads();  // who reads the last sum has done so
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = x;
  __syncthreads();
  return warp_sum(of_warp[threadIdx.x % 32]);
}

/// output [2, latents, count]; out [latents, count]. A block each: a latent is small, and its sums
/// must not depend on how many there are.
template <class T>
__global__ void rescale_guidance(const T* output, const float* guidance_scale, const float* rescale,
                                 float* out, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const T *negative = output + blockIdx.x * count, *prompt = negative + gridDim.x * count;
  out += blockIdx.x * count;
  const float scale = guidance_scale[blockIdx.x];
  float sum_prompt = 0, sum_guided = 0;
  for (int64_t i = threadIdx.x; i < count; i += rescale_threads) {
    const float own = to_float(prompt[i]), guided = guide(to_float(negative[i]), own, scale);
    sum_prompt += own;
    sum_guided += guided;
  }
  const float of_count = 1 / static_cast<float>(count);
  const float mean_prompt = block_sum(sum_prompt) * of_count,
              mean_guided = block_sum(sum_guided) * of_count;
  float squares_prompt = 0, squares_guided = 0;
  for (int64_t i = threadIdx.x; i < count; i += rescale_threads) {
    const float own = to_float(prompt[i]), guided = guide(to_float(negative[i]), own, scale);
    squares_prompt += (own - mean_prompt) * (own - mean_prompt);
    squares_guided += (guided - mean_guided) * (guided - mean_guided);
  }
  const float factor =
      guidance_factor(rescale[blockIdx.x], sqrtf(block_sum(squares_prompt) * of_count),
                      sqrtf(block_sum(squares_guided) * of_count));
  for (int64_t i = threadIdx.x; i < count; i += rescale_threads)
    out[i] = factor * guide(to_float(negative[i]), to_float(prompt[i]), scale);
}

}  // namespace

KernelPtr make(const RescaleGuidance&, const KernelRequest& request, const Context& context) {
  const int64_t latents = request.output.shape[0], count = request.output.elements() / latents;
  return make_kernel([=, &context, dtype = request.inputs[0].dtype](const Launch& l) {
    with_type(dtype, [&](auto type) {
      using T = decltype(type);
      launch(context, rescale_guidance<T>, dim3(static_cast<unsigned>(latents)), rescale_threads, 0,
             1, static_cast<const T*>(l.inputs[0]), l.f32(1), l.f32(2), l.out(), count);
    });
  });
}

}  // namespace drypoint::cuda
