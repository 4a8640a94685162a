// Weights on a device: packed once for all plans that read them.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "backend/backend.h"
#include "checkpoint/named_tensors.h"
#include "plan/plan.h"

namespace drypoint {

/// Holds what the kernels' weights become. Weights are converted, checked for NaN and infinity,
/// combined as the plan's load section says, packed, and only then given back to the file.
class WeightStore {
 public:
  /// Both must outlive the store.
  WeightStore(const NamedTensors& checkpoint, const Backend& backend);

  /// The weight behind value `id` of `plan` as `packing` wants it, plain float32 if there is none.
  /// Throws bad_file if a tensor is missing, non_finite if it holds NaN or infinity.
  DeviceMemory get(const Plan& plan, ValueId id, const std::optional<Packing>& packing);
  /// Whether `get` would return memory that is there already.
  bool holds(const Plan& plan, ValueId id, const std::optional<Packing>& packing) const;
  size_t bytes() const { return bytes_; }

 private:
  Tensor evaluate(const Plan& plan, ValueId id);
  void release(const Plan& plan, ValueId id) const;

  const NamedTensors& checkpoint_;
  const Backend& backend_;
  std::unique_ptr<Backend> reference_;
  std::unordered_map<std::string, DeviceMemory> packed_;
  size_t bytes_ = 0;
};

}  // namespace drypoint
