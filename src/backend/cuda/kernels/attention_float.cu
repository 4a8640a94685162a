#include "backend/cuda/kernels/attention.cuh"

namespace drypoint::cuda {

template <>
bool launch_attention<float>(const Context& context, int head_size, int batch, const float* q,
                             const float* k, const float* v, float* out,
                             const AttentionShape& shape) {
  return launch_attention_here(context, head_size, batch, q, k, v, out, shape);
}

}  // namespace drypoint::cuda
