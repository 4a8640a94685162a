#include "backend/cuda/kernels/product_mma.cuh"

namespace drypoint::cuda {

template <>
void launch_product_mma<__nv_bfloat16>(const Context& context, const ProductShape& shape,
                                       const __nv_bfloat16* x, const __nv_bfloat16* rest,
                                       const __nv_bfloat16* weight,
                                       const Ends<__nv_bfloat16>& ends) {
  launch_product_mma_here(context, shape, x, rest, weight, ends);
}

}  // namespace drypoint::cuda
