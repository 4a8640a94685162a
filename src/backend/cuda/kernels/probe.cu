// What the code that runs here was compiled for: a build may hold code for other chips only.
#include "backend/cuda/context.h"

namespace drypoint::cuda {
namespace {

__global__ void probe(int* compiled_for) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  *compiled_for = static_cast<int>(CodeFor::hopper);
#elif __CUDA_ARCH__ >= 900
  *compiled_for = static_cast<int>(CodeFor::clusters);
#elif __CUDA_ARCH__ >= 890
  *compiled_for = static_cast<int>(CodeFor::f8);
#elif __CUDA_ARCH__ < 800
  *compiled_for = static_cast<int>(CodeFor::halves);
#else
  *compiled_for = static_cast<int>(CodeFor::all);
#endif
}

}  // namespace

CodeFor code_for() {
  int* there = nullptr;
  int result = 0;
  DRYPOINT_CUDA(cudaMalloc(&there, sizeof(int)));
  cudaGetLastError();  // what others have left
  probe<<<1, 1>>>(there);
  const cudaError_t launched = cudaGetLastError();
  const cudaError_t copied = cudaMemcpy(&result, there, sizeof(int), cudaMemcpyDeviceToHost);
  cudaFree(there);
  if (launched == cudaErrorNoKernelImageForDevice || launched == cudaErrorInvalidDeviceFunction)
    fail(ErrorKind::unsupported, "device cuda: this build has no code for this GPU");
  check(launched, "a first kernel");
  check(copied, "a first copy");
  return static_cast<CodeFor>(result);
}

}  // namespace drypoint::cuda
