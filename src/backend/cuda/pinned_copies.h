// Copies between ordinary memory and the device.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>

#include "backend/cuda/context.h"

namespace drypoint::cuda {

/// By way of pinned memory, in pieces: several times as fast as what the driver does with ordinary
/// memory. For several threads. Streams that it was given are to be waited for before it ends.
class PinnedCopies {
 public:
  PinnedCopies() = default;
  ~PinnedCopies();
  PinnedCopies(const PinnedCopies&) = delete;
  PinnedCopies& operator=(const PinnedCopies&) = delete;

  /// Returns when `host` has been read; the copy may still be under way on the stream.
  void upload(cudaStream_t stream, std::byte* device, std::span<const std::byte> host);
  /// Returns when `host` is written.
  void download(cudaStream_t stream, std::span<std::byte> host, const std::byte* device);

 private:
  struct Piece {
    std::byte* memory = nullptr;
    cudaEvent_t copied = nullptr;
  };
  Piece take();
  void give_back(Piece piece);

  std::mutex mutex_;
  std::condition_variable returned_;
  std::deque<Piece> free_;  // the device may still read those at the end
  int made_ = 0;
};

}  // namespace drypoint::cuda
