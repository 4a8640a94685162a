#include "backend/cuda/kernels/gemm_sm80.cuh"

namespace drypoint::cuda {

template <>
void add_sm80_tiles_of_f8(std::vector<Sm80Kernel<bfloat16>>& kernels) {
  add_sm80_tiles_here<float8>(kernels);
}

}  // namespace drypoint::cuda
