#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_256_rows(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<256, 128, 4>, bfloat16>(kernels);
}

}  // namespace drypoint::cuda
