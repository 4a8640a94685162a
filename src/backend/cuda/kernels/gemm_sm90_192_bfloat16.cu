#include "backend/cuda/kernels/gemm_sm90.cuh"

namespace drypoint::cuda {

template <>
void add_tiles_of_192_rows(std::vector<HopperKernel<bfloat16>>& kernels) {
  add<HopperTile<192, 128, 5>, bfloat16>(kernels);
}

}  // namespace drypoint::cuda
