#include "backend/cuda/kernels/attention_sm80.cuh"

namespace drypoint::cuda {

template <>
bool launch_attention<half>(const Context& context, int head_size, int batch, const half* q,
                            const half* k, const half* v, half* out, const AttentionShape& shape) {
  return launch_attention_sm80_here(context, head_size, batch, q, k, v, out, shape) ||
         launch_attention_here(context, head_size, batch, q, k, v, out, shape);
}

}  // namespace drypoint::cuda
