#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_i8(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<64, 64, 6>, int8_t>(kernels);
  add<HopperTile<128, 128, 6>, int8_t>(kernels);
  add<HopperTile<128, 160, 3, true>, int8_t>(kernels);
  add<HopperTile<128, 128, 6, false, true>, int8_t>(kernels);
}

}  // namespace drypoint::cuda
