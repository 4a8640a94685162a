// Stream capture: what is enqueued on a stream, to be launched again as one graph.
#pragma once

#include <functional>

#include "backend/backend.h"
#include "backend/cuda/context.h"

namespace drypoint::cuda {

class Graph : public CapturedGraph {
 public:
  /// Captures what `launches` enqueues on `stream`, and on streams that it forks and joins.
  Graph(cudaStream_t stream, const std::function<void()>& launches);
  ~Graph() override { cudaGraphExecDestroy(ready_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void launch() const override { DRYPOINT_CUDA(cudaGraphLaunch(ready_, stream_)); }

 private:
  cudaGraphExec_t ready_ = nullptr;
  cudaStream_t stream_;
};

}  // namespace drypoint::cuda
