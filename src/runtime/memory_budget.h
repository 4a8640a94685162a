// How much of a device's memory may be taken at once.
#pragma once

#include <atomic>
#include <limits>
#include <memory>

#include "backend/backend.h"

namespace drypoint {

/// Counts what executors and weights hold on a device, up to a limit. Copies count together. For
/// any number of threads.
class MemoryBudget {
 public:
  static constexpr size_t unlimited = std::numeric_limits<size_t>::max();
  explicit MemoryBudget(size_t limit = unlimited) : limit_(limit) {}

  bool is_limited() const { return limit_ != unlimited; }
  size_t limit() const { return limit_; }
  size_t used() const { return *used_; }
  /// Bytes that can still be taken, of the budget and of what the device has.
  size_t available(const Backend& backend) const;
  /// Counts until it is given back. Throws out_of_memory.
  DeviceMemory allocate(const Backend& backend, size_t bytes) const;

 private:
  size_t limit_;
  std::shared_ptr<std::atomic<size_t>> used_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace drypoint
