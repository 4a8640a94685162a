#include "backend/cuda/kernels/product_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_product_mma<float>(const Context& context, const ProductShape& shape,
                               const MmaChoice& choice, const float* x, const Rest<float>& rest,
                               const float* weight, float* partial,
                               const EpilogueParams<float>& epilogue) {
  launch_product_mma_here(context, shape, choice, x, rest, weight, partial, epilogue);
}

}  // namespace drypoint::cuda
