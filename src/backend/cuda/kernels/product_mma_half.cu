#include "backend/cuda/kernels/product_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_product_mma<half>(const Context& context, const ProductShape& shape,
                              const MmaChoice& choice, const half* x, const Rest<half>& rest,
                              const half* weight, float* partial,
                              const EpilogueParams<half>& epilogue) {
  launch_product_mma_here(context, shape, choice, x, rest, weight, partial, epilogue);
}

}  // namespace drypoint::cuda
