#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_128_rows(std::vector<HopperKernel<half>>& kernels) {
  add<HopperTile<128, 128, 6>, half>(kernels);
  add<HopperTile<128, 128, 3, true>, half>(kernels);
  add<HopperTile<128, 160, 5>, half>(kernels);
  add<HopperTile<128, 160, 3, true>, half>(kernels);
  add<HopperTile<128, 256, 4>, half>(kernels);
  add<HopperTile<128, 128, 6, false, true>, half>(kernels);
  add<HopperTile<128, 160, 5, false, true>, half>(kernels);
}

}  // namespace drypoint::cuda
