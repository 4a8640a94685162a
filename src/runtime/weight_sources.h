// The tensors that weights are made of, as they are now: the checkpoint's, and what adapters add.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "backend/weight_rows.h"
#include "checkpoint/named_tensors.h"

namespace drypoint {

/// A change to a tensor on its way to the device.
struct WeightLayer {
  uint64_t version = 0;  // another for each other change
  /// Makes it ready for a weight.
  std::function<RowsChange(const WeightRows& original)> begin;
};

/// Tensors by name, each with a version that tells whether it is still the one that something was
/// made of. Going back to what was before gives the version from before.
class WeightSources {
 public:
  using Layers = std::map<std::string, std::vector<WeightLayer>>;

  /// `checkpoint` must outlive this.
  explicit WeightSources(const NamedTensors& checkpoint) : checkpoint_(checkpoint) {}

  const NamedTensors& checkpoint() const { return checkpoint_; }
  /// These tensors of the checkpoint are others now.
  void replaced(std::span<const std::string> names);
  /// What belongs to the tensors themselves: a layer's `original` has it, and versions do not tell.
  void set_own_layers(Layers layers) { own_layers_ = std::move(layers); }
  /// Instead of the layers before. Each adds to the sum of those before it, in this order.
  void set_layers(Layers layers) { layers_ = std::move(layers); }

  /// 0: as the checkpoint had it first.
  uint64_t version(const std::string& name) const;
  /// Of each; empty if all are 0.
  std::vector<uint64_t> versions(const std::vector<std::string>& names) const;
  /// Its values with all layers, of this shape. Throws bad_file if it is missing; reading throws
  /// non_finite naming it and the file.
  WeightRows rows(const std::string& name, const Shape& shape) const;

 private:
  const NamedTensors& checkpoint_;
  std::map<std::string, uint64_t> replacements_;
  uint64_t replaced_ = 0;
  Layers own_layers_, layers_;
};

}  // namespace drypoint
