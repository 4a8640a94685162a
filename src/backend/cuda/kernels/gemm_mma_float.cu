#include "backend/cuda/kernels/gemm_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_gemm_mma<float>(const Context& context, const GemmShape& shape, const MmaChoice& choice,
                            const float* x, const Rest<float>& rest, const float* weight,
                            float* partial, const EpilogueParams<float>& epilogue) {
  launch_gemm_mma_here(context, shape, choice, x, rest, weight, partial, epilogue);
}

}  // namespace drypoint::cuda
