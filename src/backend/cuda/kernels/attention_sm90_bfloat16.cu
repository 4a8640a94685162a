#include "backend/cuda/kernels/attention_sm90.cuh"

namespace drypoint::cuda {

template <>
bool launch_attention_sm90<bfloat16>(const Context& context, int head_size, int batch,
                                     const bfloat16* q, const KeysAndValues& from, bfloat16* out,
                                     const AttentionShape& shape) {
  const auto with = [&](auto size) {
    launch_hopper_tiles<size()>(context, batch, q, from, out, shape);
    return true;
  };
  switch (head_size) {
    case 40: return with(std::integral_constant<int, 40>());
    case 64: return with(std::integral_constant<int, 64>());
    case 80: return with(std::integral_constant<int, 80>());
    case 160: return with(std::integral_constant<int, 160>());
    default: return false;
  }
}

}  // namespace drypoint::cuda
