#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_64_rows(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<64, 16, 6>, bfloat16>(kernels);
  add<HopperTile<64, 16, 4, true>, bfloat16>(kernels);
  add<HopperTile<64, 64, 6>, bfloat16>(kernels);
  add<HopperTile<64, 128, 4>, bfloat16>(kernels);
  add<HopperTile<64, 256, 4>, bfloat16>(kernels);
  add<HopperTile<64, 128, 4, false, true>, bfloat16>(kernels);
}

}  // namespace drypoint::cuda
