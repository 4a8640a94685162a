#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_64_rows(std::vector<HopperKernel<half>>& kernels) {
  add<HopperTile<64, 16, 6>, half>(kernels);
  add<HopperTile<64, 16, 4, true>, half>(kernels);
  add<HopperTile<64, 64, 6>, half>(kernels);
  add<HopperTile<64, 128, 4>, half>(kernels);
  add<HopperTile<64, 256, 4>, half>(kernels);
  add<HopperTile<64, 128, 4, false, true>, half>(kernels);
}

}  // namespace drypoint::cuda
