#include "ops/increment.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/numeric.cuh"

namespace drypoint::cuda {
namespace {

__global__ void increment(const int32_t* from, int32_t* to) {
  wait_for_previous();
  let_next_begin();
  *to = *from + 1;
}

}  // namespace

KernelPtr make(const Increment&, const KernelRequest&, const Context& context) {
  return make_kernel([&context](const Launch& l) {
    launch(context, increment, 1, 1, 0, 1, l.i32(0), static_cast<int32_t*>(l.output));
  });
}

}  // namespace drypoint::cuda
