#include "backend/cuda/kernels/product_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_product_mma<__half>(const Context& context, const ProductShape& shape, const __half* x,
                                const __half* rest, const __half* weight,
                                const Ends<__half>& ends) {
  launch_product_mma_here(context, shape, x, rest, weight, ends);
}

}  // namespace drypoint::cuda
