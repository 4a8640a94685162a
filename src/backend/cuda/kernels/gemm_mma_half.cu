#include "backend/cuda/kernels/gemm_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_gemm_mma<half>(const Context& context, const GemmShape& shape, const MmaChoice& choice,
                           const half* x, const Rest<half>& rest, const half* weight,
                           float* partial, const EpilogueParams<half>& epilogue) {
  launch_gemm_mma_here(context, shape, choice, x, rest, weight, partial, epilogue);
}

}  // namespace drypoint::cuda
