#include "backend/cuda/graph.h"

namespace drypoint::cuda {

Graph::Graph(cudaStream_t stream, const std::function<void()>& launches) : stream_(stream) {
  cudaGraph_t graph = nullptr;
  DRYPOINT_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  try {
    launches();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  DRYPOINT_CUDA(cudaStreamEndCapture(stream, &graph));
  const cudaError_t status = cudaGraphInstantiate(&ready_, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "cudaGraphInstantiate");
  DRYPOINT_CUDA(cudaGraphUpload(ready_, stream));
}

}  // namespace drypoint::cuda
