// What convolutions and products share on the GPU: both are a matrix of pictures' windows (or rows)
// times a matrix of weights.
#pragma once

#include "backend/cuda/gemm_shape.h"
#include "backend/cuda/kernels.h"

namespace drypoint::cuda {

/// As one of its pictures alone would ask for it.
inline KernelRequest of_one_picture(const KernelRequest& request) {
  KernelRequest one = request;
  one.pictures = 1;
  for (TensorType* type : {&one.inputs[0], &one.output}) type->shape[0] /= request.pictures;
  return one;
}

GemmShape gemm_shape(const Conv2d& op, const KernelRequest& request);
GemmShape gemm_shape(const Linear& op, const KernelRequest& request);

/// The kernel of either operation.
template <class Op>
KernelPtr make_gemm(const Op& op, const KernelRequest& request, const Context& context);

}  // namespace drypoint::cuda
