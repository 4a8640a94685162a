#include "ops/average_pool.h"

#include <cmath>

#include "backend/cuda/kernels.h"
#include "backend/cuda/kernels/pool.cuh"

namespace drypoint::cuda {
namespace {

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Mean {
  __device__ float operator()(float total, int count) const {
    return total / static_cast<float>(count);
  }
};

}  // namespace

KernelPtr make(const AveragePool& op, const KernelRequest& request, const Context& context) {
  return make_pool(op, request, context, 0, Sum{}, Mean{});
}

}  // namespace drypoint::cuda
