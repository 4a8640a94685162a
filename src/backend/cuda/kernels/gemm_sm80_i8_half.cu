#include "backend/cuda/kernels/gemm_sm80.cuh"

namespace drypoint::cuda {

template <>
void add_sm80_tiles_of_i8(std::vector<Sm80Kernel<half>>& kernels) {
  add_sm80_tiles_here<int8_t>(kernels);
}

}  // namespace drypoint::cuda
