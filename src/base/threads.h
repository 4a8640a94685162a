// Work for several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace drypoint {

/// Cores that this process may use.
int usable_cores();

/// Calls `body(0)` to `body(count - 1)`, each once, on up to `threads` threads, the caller's among
/// them. What a body throws ends the work and is thrown again. `stop` is asked between bodies, on
/// the caller's thread alone; where it says true, cancelled is thrown.
void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body,
                  const std::function<bool()>& stop = {});

}  // namespace drypoint
