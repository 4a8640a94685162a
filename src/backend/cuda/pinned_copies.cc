#include "backend/cuda/pinned_copies.h"

#include <algorithm>
#include <cstring>

namespace drypoint::cuda {
namespace {

constexpr size_t piece_bytes = 1 << 20;
constexpr int most_pieces = 32;
constexpr size_t driver_bytes = 1 << 15;  // so few the driver takes along with the command

}  // namespace

PinnedCopies::~PinnedCopies() {
  for (const Piece& piece : free_) {
    cudaEventDestroy(piece.copied);
    cudaFreeHost(piece.memory);
  }
}

/// One that the device is through with.
PinnedCopies::Piece PinnedCopies::take() {
  std::unique_lock lock(mutex_);
  const bool is_ready = !free_.empty() && cudaEventQuery(free_.front().copied) == cudaSuccess;
  if (!is_ready) cudaGetLastError();  // it is none
  if (!is_ready && made_ < most_pieces) {
    Piece piece;
    void* memory = nullptr;
    DRYPOINT_CUDA(cudaHostAlloc(&memory, piece_bytes, 0));
    piece.memory = static_cast<std::byte*>(memory);
    const cudaError_t status = cudaEventCreateWithFlags(&piece.copied, cudaEventDisableTiming);
    if (status != cudaSuccess) cudaFreeHost(memory);
    check(status, "cudaEventCreateWithFlags");
    ++made_;
    return piece;
  }
  returned_.wait(lock, [&] { return !free_.empty(); });
  const Piece piece = free_.front();
  free_.pop_front();
  lock.unlock();
  const cudaError_t status = cudaEventSynchronize(piece.copied);
  if (status != cudaSuccess) give_back(piece);
  check(status, "cudaEventSynchronize");
  return piece;
}

void PinnedCopies::give_back(Piece piece) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(piece);
  }
  returned_.notify_one();
}

void PinnedCopies::upload(cudaStream_t stream, std::byte* device, std::span<const std::byte> host) {
  if (host.size() <= driver_bytes) {
    DRYPOINT_CUDA(
        cudaMemcpyAsync(device, host.data(), host.size(), cudaMemcpyHostToDevice, stream));
    return;
  }
  for (size_t at = 0; at < host.size(); at += piece_bytes) {
    const auto part = host.subspan(at, std::min(piece_bytes, host.size() - at));
    const Piece piece = take();
    std::memcpy(piece.memory, part.data(), part.size());
    cudaError_t status =
        cudaMemcpyAsync(device + at, piece.memory, part.size(), cudaMemcpyHostToDevice, stream);
    if (status == cudaSuccess) status = cudaEventRecord(piece.copied, stream);
    give_back(piece);
    check(status, "cudaMemcpyAsync");
  }
}

void PinnedCopies::download(cudaStream_t stream, std::span<std::byte> host,
                            const std::byte* device) {
  for (size_t at = 0; at < host.size(); at += piece_bytes) {
    const auto part = host.subspan(at, std::min(piece_bytes, host.size() - at));
    const Piece piece = take();
    cudaError_t status =
        cudaMemcpyAsync(piece.memory, device + at, part.size(), cudaMemcpyDeviceToHost, stream);
    if (status == cudaSuccess) status = cudaEventRecord(piece.copied, stream);
    if (status == cudaSuccess) status = cudaEventSynchronize(piece.copied);
    if (status == cudaSuccess) std::memcpy(part.data(), piece.memory, part.size());
    give_back(piece);
    check(status, "cudaMemcpyAsync");
  }
}

}  // namespace drypoint::cuda
