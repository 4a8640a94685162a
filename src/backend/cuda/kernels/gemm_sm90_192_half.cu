#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_192_rows(std::vector<HopperKernel<half>>& kernels) {
  add<HopperTile<192, 128, 5>, half>(kernels);
}

}  // namespace drypoint::cuda
