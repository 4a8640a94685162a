#include "backend/cuda/kernels/gemm_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_gemm_mma<bfloat16>(const Context& context, const GemmShape& shape,
                               const MmaChoice& choice, const bfloat16* x,
                               const Rest<bfloat16>& rest, const bfloat16* weight, float* partial,
                               const EpilogueParams<bfloat16>& epilogue) {
  launch_gemm_mma_here(context, shape, choice, x, rest, weight, partial, epilogue);
}

}  // namespace drypoint::cuda
