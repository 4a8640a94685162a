#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_f8(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<64, 64, 6>, float8>(kernels);
  add<HopperTile<128, 128, 6>, float8>(kernels);
  add<HopperTile<128, 160, 3, true>, float8>(kernels);
  add<HopperTile<128, 128, 6, false, true>, float8>(kernels);
}

}  // namespace drypoint::cuda
