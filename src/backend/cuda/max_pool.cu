#include "ops/max_pool.h"

#include <cmath>

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/pool.cuh"

namespace drypoint::cuda {
namespace {

struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct AsItIs {
  __device__ float operator()(float total, int) const { return total; }
};

}  // namespace

KernelPtr make(const MaxPool& op, const KernelRequest& request, const Context& context) {
  return make_pool(op, request, context, -INFINITY, Larger{}, AsItIs{});
}

}  // namespace drypoint::cuda
