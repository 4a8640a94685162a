#include "backend/cuda/kernels/attention_sm80.cuh"

namespace drypoint::cuda {

template <>
bool launch_attention<bfloat16>(const Context& context, int head_size, int batch, const bfloat16* q,
                                const bfloat16* k, const bfloat16* v, bfloat16* out,
                                const AttentionShape& shape) {
  return launch_attention_sm80_here(context, head_size, batch, q, k, v, out, shape) ||
         launch_attention_here(context, head_size, batch, q, k, v, out, shape);
}

}  // namespace drypoint::cuda
