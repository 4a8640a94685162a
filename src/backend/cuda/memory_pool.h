// Memory of the device, in the order of a stream's work.
#pragma once

#include <atomic>
#include <memory>

#include "backend/backend.h"
#include "backend/cuda/context.h"

namespace drypoint::cuda {

/// Allocates and gives back without waiting for the device, so that parts of a model can take
/// turns: what is given back goes to the next who asks, or to the system when the stream is waited
/// for. Where the device has no such pools, as `cudaMalloc` and `cudaFree` do it. For several
/// threads.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  /// Other streams may use its memory after waiting for `stream`, and `stream` must wait for them
  /// before it is given back.
  MemoryPool(int device, cudaStream_t stream);
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// Null if there is not so much.
  DeviceMemory allocate(size_t bytes);
  /// Bytes held that nobody uses.
  size_t idle() const;
  /// Gives them to the system, after the stream's work.
  void trim() const;
  /// The stream ends, its work done. What it allocated may still be given back.
  void forget_stream() { stream_ = nullptr; }

 private:
  void give_back(std::byte* block) const;

  int device_;
  std::atomic<cudaStream_t> stream_;
  cudaMemPool_t pool_ = nullptr;
};

}  // namespace drypoint::cuda
