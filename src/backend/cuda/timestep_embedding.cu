#include "ops/timestep_embedding.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

__global__ void timestep_embedding(const float* t, float* to, int64_t half_width, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const int64_t row = i / half_width, column = i % half_width;
  // The precise functions, in float32 as the reference: at t near 1000 rounding shows.
  const float frequency =
      expf(-logf(10000.0f) * static_cast<float>(column) / static_cast<float>(half_width));
  float sine, cosine;
  sincosf(t[row] * frequency, &sine, &cosine);
  to[row * 2 * half_width + column] = cosine;
  to[row * 2 * half_width + half_width + column] = sine;
}

}  // namespace

KernelPtr make(const TimestepEmbedding& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements() / 2;
  return make_kernel([=, &context](const Launch& l) {
    launch(context, timestep_embedding, static_cast<unsigned>(ceil_div(count, 256)), 256, 0, 1,
           l.f32(0), l.out(), op.width / 2, count);
  });
}

}  // namespace drypoint::cuda
