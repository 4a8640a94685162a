#include "backend/cuda/memory_pool.h"

namespace drypoint::cuda {

MemoryPool::MemoryPool(int device, cudaStream_t stream) : device_(device), stream_(stream) {
  int is_supported = 0;
  DRYPOINT_CUDA(cudaDeviceGetAttribute(&is_supported, cudaDevAttrMemoryPoolsSupported, device));
  if (!is_supported) return;
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  DRYPOINT_CUDA(cudaMemPoolCreate(&pool_, &properties));
}

MemoryPool::~MemoryPool() {
  cudaSetDevice(device_);
  if (pool_) cudaMemPoolDestroy(pool_);
}

DeviceMemory MemoryPool::allocate(size_t bytes) {
  void* block = nullptr;
  const cudaError_t status =
      pool_ ? cudaMallocFromPoolAsync(&block, bytes, pool_, stream_) : cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is none
    return nullptr;
  }
  check(status, "cudaMalloc");
  return {static_cast<std::byte*>(block),
          [pool = shared_from_this()](std::byte* p) { pool->give_back(p); }};
}

void MemoryPool::give_back(std::byte* block) const {
  cudaSetDevice(device_);
  if (pool_)
    cudaFreeAsync(block, stream_);
  else
    cudaFree(block);
}

void MemoryPool::trim() const {
  if (!pool_) return;
  DRYPOINT_CUDA(cudaStreamSynchronize(stream_));
  DRYPOINT_CUDA(cudaMemPoolTrimTo(pool_, 0));
}

size_t MemoryPool::idle() const {
  if (!pool_) return 0;
  uint64_t held = 0, used = 0;
  DRYPOINT_CUDA(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &held));
  DRYPOINT_CUDA(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used));
  return held - used;
}

}  // namespace drypoint::cuda
