#include "backend/cuda/staging.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "backend/backend.h"
#include "base/threads.h"

namespace drypoint::cuda {
namespace {

constexpr int most_threads = 8;  // more read no faster than the device fetches

/// Pinned memory for one thread: while the device fetches one half, the other is filled.
class Staging {
 public:
  Staging(std::byte* memory, cudaStream_t stream) : memory_(memory), stream_(stream) {
    for (cudaEvent_t& event : fetched_)
      DRYPOINT_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  }
  ~Staging() {
    for (cudaEvent_t event : fetched_)
      if (event) cudaEventDestroy(event);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void send(std::span<const std::byte> piece, std::byte* target) {
    const int half = turn_++ % 2;
    std::byte* place = memory_ + half * load_piece;
    DRYPOINT_CUDA(cudaEventSynchronize(fetched_[half]));
    std::memcpy(place, piece.data(), piece.size());
    DRYPOINT_CUDA(cudaMemcpyAsync(target, place, piece.size(), cudaMemcpyHostToDevice, stream_));
    DRYPOINT_CUDA(cudaEventRecord(fetched_[half], stream_));
  }

 private:
  std::byte* memory_;
  cudaStream_t stream_;
  cudaEvent_t fetched_[2] = {};
  int turn_ = 0;
};

/// Pages in one request what would otherwise be read page by page. No harm where it is refused.
void read_ahead(std::span<const std::byte> piece) {
#ifdef MADV_POPULATE_READ
  const size_t into_page = reinterpret_cast<uintptr_t>(piece.data()) % 4096;
  ::madvise(const_cast<std::byte*>(piece.data()) - into_page, piece.size() + into_page,
            MADV_POPULATE_READ);
#endif
}

}  // namespace

void load_through_staging(int device, std::span<const std::byte> mapped, std::byte* target,
                          const std::function<void(std::span<const std::byte>)>& check) {
  DRYPOINT_CUDA(cudaSetDevice(device));
  struct Resources {
    cudaStream_t stream = nullptr;
    void* memory = nullptr;
    ~Resources() {
      if (stream) cudaStreamSynchronize(stream), cudaStreamDestroy(stream);
      if (memory) cudaFreeHost(memory);
    }
  } resources;
  const size_t pieces = (mapped.size() + load_piece - 1) / load_piece;
  const int threads = static_cast<int>(
      std::min<size_t>(std::min(usable_cores(), most_threads), std::max<size_t>(pieces, 1)));
  DRYPOINT_CUDA(cudaStreamCreateWithFlags(&resources.stream, cudaStreamNonBlocking));
  DRYPOINT_CUDA(cudaHostAlloc(&resources.memory, 2 * load_piece * static_cast<size_t>(threads), 0));

  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  parallel_for(static_cast<size_t>(threads), threads, [&](size_t thread) {
    DRYPOINT_CUDA(cudaSetDevice(device));
    try {
      Staging staging(static_cast<std::byte*>(resources.memory) + 2 * load_piece * thread,
                      resources.stream);
      for (size_t i = next++; i < pieces && !failed; i = next++) {
        const size_t at = i * load_piece;
        const auto piece = mapped.subspan(at, std::min(load_piece, mapped.size() - at));
        read_ahead(piece);
        check(piece);
        staging.send(piece, target + at);
      }
    } catch (...) {
      failed = true;
      throw;
    }
  });
  DRYPOINT_CUDA(cudaStreamSynchronize(resources.stream));
}

}  // namespace drypoint::cuda
