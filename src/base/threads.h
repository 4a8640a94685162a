// Work for several threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace drypoint {

/// Cores that this process may use.
int usable_cores();

/// Threads, made once, that work off numbered tasks together with whoever asks for it.
class ThreadPool {
 public:
  using Task = std::function<void(int64_t i, int thread)>;

  /// `wanted` threads, the caller's among them; fewer where the system refuses to make more.
  explicit ThreadPool(int wanted);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(i, thread) for each i in [0, count), the next free thread taking the next; `thread`
  /// is in [0, threads()), the caller's is 0. What a task throws ends the work and is thrown again.
  /// From inside a task, and while another thread's call is under way, the caller does all itself;
  /// a single task may use the threads in its turn.
  void run(int64_t count, const Task& task);

 private:
  void serve(int thread);
  void work(int thread);

  // The work at hand. Threads that come late, as on a busy machine, find it closed and are not
  // waited for.
  const Task* task_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_ = 0;
  std::exception_ptr failure_;
  std::mutex failing_;

  std::mutex running_;
  std::atomic<uint32_t> calls_ = 0;   // what idle threads wait for
  std::atomic<uint32_t> inside_ = 0;  // threads that work on it, and the bit `closed`
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> workers_;
};

/// Calls `body(0)` to `body(count - 1)`, each once, on up to `threads` threads, the caller's among
/// them. What a body throws ends the work and is thrown again. `stop` is asked between bodies, on
/// the caller's thread alone; where it says true, cancelled is thrown.
void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body,
                  const std::function<bool()>& stop = {});

}  // namespace drypoint
