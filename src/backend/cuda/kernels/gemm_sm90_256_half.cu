#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_256_rows(std::vector<HopperKernel<half>>& kernels) {
  add<HopperTile<256, 128, 4>, half>(kernels);
}

}  // namespace drypoint::cuda
