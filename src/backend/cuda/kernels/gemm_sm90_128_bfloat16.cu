#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_128_rows(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<128, 128, 6>, bfloat16>(kernels);
  add<HopperTile<128, 128, 3, true>, bfloat16>(kernels);
  add<HopperTile<128, 160, 5>, bfloat16>(kernels);
  add<HopperTile<128, 160, 3, true>, bfloat16>(kernels);
  add<HopperTile<128, 256, 4>, bfloat16>(kernels);
  add<HopperTile<128, 128, 6, false, true>, bfloat16>(kernels);
  add<HopperTile<128, 160, 5, false, true>, bfloat16>(kernels);
}

}  // namespace drypoint::cuda
