// A device as the models on it share it.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "base/shared_lock.h"
#include "checkpoint/plan_file.h"
#include "drypoint/device.h"
#include "runtime/memory_budget.h"
#include "tensor/precision.h"

namespace drypoint {

class OpenDevice {
 public:
  explicit OpenDevice(const DeviceOptions& options);

  Backend& backend() { return *backend_; }
  const Backend& backend() const { return *backend_; }
  /// What the denoiser's products are rounded to, if they are.
  std::optional<DType> eight_bits() const { return eight_bits_of(precision_); }
  /// What plans for it are for.
  PlanDevice identity() const;

  /// What models on the device may hold of its memory.
  const MemoryBudget& budget() const { return budget_; }

  /// Held by who has kernels and weights made: of two at once each would count the same memory as
  /// available, and take the other's plan for its own.
  SharedLock making;

  /// Held while work is enqueued on a device whose streams all pipelines share: what one captures
  /// must not hold what another enqueues. A device that shares the host's memory has no streams,
  /// and nobody waits there.
  SharedLock::Hold turn(const SharedLock::Stop& stop);

  /// The choices among kernels made from now on are a plan's, or with none the device's own. Under
  /// `making`.
  void use_choices(const PlanFile* plan);

 private:
  Precision precision_;
  std::unique_ptr<Backend> backend_;
  MemoryBudget budget_;
  SharedLock turn_;
  std::string choices_;
};

}  // namespace drypoint
