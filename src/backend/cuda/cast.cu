#include "ops/cast.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/copy.cuh"

namespace drypoint::cuda {
namespace {

template <class From, class To>
__global__ void cast(const From* from, To* to, int64_t count) {
  wait_for_previous();
  let_next_begin();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride)
    to[i] = from_float<To>(to_float(from[i]));
}

}  // namespace

KernelPtr make(const Cast& op, const KernelRequest& request, const Context& context) {
  const int64_t count = request.output.elements();
  return make_kernel([=, &context, from = request.inputs[0].dtype](const Launch& l) {
    with_type(from, [&](auto in) {
      with_type(op.to, [&](auto out) {
        launch(context, cast<decltype(in), decltype(out)>, blocks_for(context, count), 256, 0, 1,
               static_cast<const decltype(in)*>(l.inputs[0]), static_cast<decltype(out)*>(l.output),
               count);
      });
    });
  });
}

}  // namespace drypoint::cuda
