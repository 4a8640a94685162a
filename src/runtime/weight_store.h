// Weights on a device: packed once for all plans that read them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/named_tensors.h"
#include "checkpoint/plan_file.h"
#include "plan/plan.h"
#include "runtime/memory_budget.h"
#include "runtime/weight_sources.h"

namespace drypoint {

/// Returns true when the work should stop. Asked between operations, and between weights when
/// loading; must be cheap.
using StopRequested = std::function<bool()>;

/// Holds what the kernels' weights become. Weights are converted, checked for NaN and infinity,
/// combined as the plan's load section says, packed, and only then given back to the file. Those
/// that a plan file has packed are taken from there.
///
/// A weight that is made of several, one after the other, is held as those: so the pair of a
/// ControlNet's and a UNet's weights serves as either, and one can change without the other.
///
/// A weight's key says its layout and its recipe; beside it stand the versions of the sources that
/// it was made of. Where these are others by now, it is made again when it is next asked for, in
/// the same memory where that can be written.
///
/// Where a budget lets weights take turns on a device with memory of its own, what they were packed
/// to waits in the host's, so that coming back is a copy.
class WeightStore {
 public:
  /// All must outlive the store. With a plan file, `checkpoint` is the file's or has replacements
  /// of its tensors; what is packed is on its way to the device when this returns.
  WeightStore(const NamedTensors& checkpoint, const Backend& backend,
              const PlanFile* file = nullptr, MemoryBudget budget = MemoryBudget());

  /// The value `id` of a plan, as `packing` wants it, plain float32 if there is none.
  struct Wanted {
    ValueId id = -1;
    std::optional<Packing> packing;
  };
  /// Throws bad_file if a tensor is missing or the plan file is damaged, non_finite if a tensor
  /// holds NaN or infinity, unsupported if a plan file lacks what this takes.
  std::vector<DeviceMemory> get(const Plan& plan, std::span<const Wanted> wanted,
                                const StopRequested& stop = {});
  DeviceMemory get(const Plan& plan, ValueId id, const std::optional<Packing>& packing);
  /// Whether `get` would return memory that is there already.
  bool holds(const Plan& plan, ValueId id, const std::optional<Packing>& packing) const;
  /// Allocated by `get`; may be asked by any thread.
  size_t bytes() const { return bytes_; }

  /// Of which weights, and the executors that read them, take their memory.
  const MemoryBudget& budget() const { return budget_; }
  /// Gives back weights that no executor has, but for those of a plan file. False if there are
  /// none.
  bool release_unused();

  /// What weights are made of. Not to be changed while a picture is drawn.
  WeightSources& sources() { return sources_; }
  const WeightSources& sources() const { return sources_; }

  struct Held {
    std::string key;  // names layout and recipe
    size_t bytes = 0;
    DeviceMemory memory;
  };
  /// All weights that are up to date, those next to each other in memory in that order.
  std::vector<Held> all() const;

 private:
  struct Entry {
    DeviceMemory memory;
    size_t bytes = 0;
    int64_t number = 0;  // in the order of making
    bool read_only = false;
    std::vector<std::string> sources;  // none: not asked for yet, from a plan file
    std::vector<uint64_t> versions;    // of these, when it was made
    bool is_whole = true;              // else making it again has failed half-way
  };
  /// A share of a weight that is held under a name of its own.
  struct Share {
    std::string key;
    ValueId id = -1;
    size_t bytes = 0;
    std::vector<std::string> sources;
  };
  struct Job {
    Share share;
    DeviceMemory target;
    const Packing* packing = nullptr;
    DeviceMemory same;      // where it lies already, to be copied from
    bool in_place = false;  // the target is where the outdated one lies
    DeviceMemory on_host;   // what it is packed to, once that is known
  };
  /// What a weight was packed to, in the host's memory.
  struct Copy {
    DeviceMemory memory;
    std::vector<uint64_t> versions;  // of its sources
  };
  std::vector<Share> shares(const Plan& plan, ValueId id,
                            const std::optional<Packing>& packing) const;
  static Share share(const Plan& plan, ValueId id, const std::string& format, size_t bytes);
  DeviceMemory lookup(const std::vector<Share>& shares) const;
  bool is_current(const Entry& entry, const std::vector<std::string>& sources) const {
    return entry.is_whole && entry.versions == sources_.versions(sources);
  }
  int packing_threads(const std::vector<Job>& jobs) const;
  /// Until what is loaded from a plan file is there.
  void wait_for_arrival(const StopRequested& stop);
  void make(const Plan& plan, Job& job, bool keeps) const;
  DeviceMemory copy_of(const Share& share) const;
  bool keeps_copies(const std::vector<Job>& jobs) const;
  static double work_for(const Plan& plan, ValueId id);
  WeightRows evaluate(const Plan& plan, ValueId id) const;
  bool multiply(const Tensor& a, const Tensor& b, Tensor& result) const;
  void release(const Plan& plan, ValueId id) const;

  WeightSources sources_;
  const Backend& backend_;
  const PlanFile* file_;
  const MemoryBudget budget_;
  std::unique_ptr<Backend> reference_;
  std::unique_ptr<Backend> cpu_;  // for what would take long: jobs have a thread each
  std::unordered_map<std::string, Entry> packed_;
  std::unordered_map<std::string, Copy> copies_;
  mutable std::mutex multiply_mutex_;
  std::shared_future<void> arrived_;  // what the plan file has packed
  std::atomic<size_t> bytes_ = 0;
  int64_t first_made_ = 0;  // those with lower numbers are a plan file's
  int64_t made_ = 0;
};

}  // namespace drypoint
