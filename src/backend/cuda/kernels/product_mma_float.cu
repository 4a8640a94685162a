#include "backend/cuda/kernels/product_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_product_mma<float>(const Context& context, const ProductShape& shape, const float* x,
                               const float* rest, const float* weight, const Ends<float>& ends) {
  launch_product_mma_here(context, shape, x, rest, weight, ends);
}

}  // namespace drypoint::cuda
