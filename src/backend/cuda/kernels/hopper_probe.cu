// Whether Hopper's own instructions are there: a build may hold code for other chips only.
#include "backend/cuda/context.h"

namespace drypoint::cuda {
namespace {

__global__ void probe(int* there) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  *there = 1;
#else
  *there = 0;
#endif
}

}  // namespace

bool has_hopper_code() {
  int* there = nullptr;
  int result = 0;
  DRYPOINT_CUDA(cudaMalloc(&there, sizeof(int)));
  probe<<<1, 1>>>(there);
  const cudaError_t status = cudaMemcpy(&result, there, sizeof(int), cudaMemcpyDeviceToHost);
  cudaFree(there);
  cudaGetLastError();
  return status == cudaSuccess && result == 1;
}

bool has_cluster_code() {
  cudaFuncAttributes attributes{};
  const bool known = cudaFuncGetAttributes(&attributes, probe) == cudaSuccess;
  cudaGetLastError();
  return known && attributes.ptxVersion >= 90;
}

}  // namespace drypoint::cuda
