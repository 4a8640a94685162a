#include "runtime/memory_budget.h"

#include <algorithm>

#include "base/error.h"

namespace drypoint {

size_t MemoryBudget::available(const Backend& backend) const {
  return std::min(limit_ - std::min(limit_, used()), backend.available_memory());
}

DeviceMemory MemoryBudget::allocate(const Backend& backend, size_t bytes) const {
  if (!is_limited() || bytes == 0) return backend.allocate(bytes);
  if (const size_t left = limit_ - std::min(limit_, used()); bytes > left)
    fail(ErrorKind::out_of_memory, "{} MiB needed, {} MiB left of max_memory {} MiB", bytes >> 20,
         left >> 20, limit_ >> 20);
  DeviceMemory block = backend.allocate(bytes);
  *used_ += bytes;
  std::byte* const place = block.get();
  return {place, [bytes, used = used_, block = std::move(block)](std::byte*) mutable {
            block.reset();
            *used -= bytes;
          }};
}

}  // namespace drypoint
