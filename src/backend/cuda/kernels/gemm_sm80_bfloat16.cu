#include "backend/cuda/kernels/gemm_sm80.cuh"

namespace drypoint::cuda {

template <>
void add_sm80_tiles(std::vector<Sm80Kernel<bfloat16>>& kernels) {
  add_sm80_tiles_here<bfloat16>(kernels);
}

}  // namespace drypoint::cuda
