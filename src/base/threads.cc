#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace drypoint {
namespace {

constexpr uint32_t closed = 1u << 31;

thread_local bool inside_task = false;

/// This thread is inside a task as long as this lives.
class InsideTask {
 public:
  InsideTask() : before_(std::exchange(inside_task, true)) {}
  ~InsideTask() { inside_task = before_; }
  InsideTask(const InsideTask&) = delete;
  InsideTask& operator=(const InsideTask&) = delete;

 private:
  bool before_;
};

/// Returns when `value` is no longer `old`: soon by looking again and again (tens of microseconds,
/// longer than most gaps between two operations), later by sleeping.
void wait_for_change(const std::atomic<uint32_t>& value, uint32_t old) {
  constexpr int looks = 1000;
  for (int i = 0; i < looks; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    __builtin_ia32_pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int wanted) : inside_(closed) {
  workers_.reserve(static_cast<size_t>(std::max(wanted, 1)));
  try {
    for (int thread = 1; thread < wanted; ++thread)
      workers_.emplace_back([this, thread] { serve(thread); });
  } catch (const std::system_error&) {  // those that there are do
  }
}

ThreadPool::~ThreadPool() {
  ending_ = true;
  ++calls_;
  calls_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(int64_t count, const Task& task) {
  if (count == 1) return task(0, 0);  // which has the threads for itself
  if (workers_.empty() || inside_task || !running_.try_lock()) {
    const InsideTask here;
    for (int64_t i = 0; i < count; ++i) task(i, 0);
    return;
  }
  const std::lock_guard lock(running_, std::adopt_lock);
  task_ = &task;
  count_ = count;
  next_ = 0;
  failure_ = nullptr;
  inside_.fetch_and(~closed, std::memory_order_release);
  calls_.fetch_add(1, std::memory_order_release);
  calls_.notify_all();
  work(0);
  inside_.fetch_or(closed, std::memory_order_acq_rel);
  for (uint32_t now = inside_; now != closed; now = inside_) wait_for_change(inside_, now);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::serve(int thread) {
  for (uint32_t seen = 0;;) {
    wait_for_change(calls_, seen);
    seen = calls_.load(std::memory_order_acquire);
    if (ending_) return;
    if (!(inside_.fetch_add(1, std::memory_order_acq_rel) & closed)) work(thread);
    if (inside_.fetch_sub(1, std::memory_order_acq_rel) == closed + 1) inside_.notify_all();
  }
}

void ThreadPool::work(int thread) {
  const InsideTask here;
  try {
    for (int64_t i = next_++; i < count_; i = next_++) (*task_)(i, thread);
  } catch (...) {
    const std::lock_guard lock(failing_);
    if (!failure_) failure_ = std::current_exception();
    next_ = count_;
  }
}

void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body,
                  const std::function<bool()>& stop) {
  if (count == 0) return;
  std::atomic<size_t> next = 0;
  std::atomic<bool> ended = false;
  bool stopped = false;
  const auto most = static_cast<size_t>(inside_task ? 1 : std::max(threads, 1));
  ThreadPool pool(static_cast<int>(std::min(count, most)));
  const auto work = [&](int64_t, int thread) {
    try {
      while (!ended) {
        if (thread == 0 && stop && stop()) stopped = ended = true;
        const size_t i = ended ? count : next++;
        if (i >= count) return;
        body(i);
      }
    } catch (...) {
      ended = true;
      throw;
    }
  };
  pool.run(pool.threads(), work);
  if (stopped) fail(ErrorKind::cancelled, "cancelled");
}

}  // namespace drypoint
