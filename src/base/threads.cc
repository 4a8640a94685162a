#include "base/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "base/error.h"

namespace drypoint {

int usable_cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : omp_get_num_procs();
}

void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body,
                  const std::function<bool()>& stop) {
  if (count == 0) return;
  std::atomic<size_t> next = 0;
  std::atomic<bool> ended = false, stopped = false;
  std::exception_ptr failure;
  const int team = static_cast<int>(std::min(count, static_cast<size_t>(std::max(threads, 1))));
  // OpenMP's threads, so that parallel code inside the bodies knows to stay on its own.
#pragma omp parallel num_threads(team)
  {
    while (!ended) {
      try {
        if (omp_get_thread_num() == 0 && stop && stop()) stopped = ended = true;
        const size_t i = ended ? count : next++;
        if (i >= count) break;
        body(i);
      } catch (...) {
#pragma omp critical(drypoint_parallel_for)
        if (!failure) failure = std::current_exception();
        ended = true;
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
  if (stopped) fail(ErrorKind::cancelled, "cancelled");
}

}  // namespace drypoint
