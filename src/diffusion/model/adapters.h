// The adapters that requests call: found, opened, and fitted to the model.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/fit.h"
#include "drypoint/pipeline.h"
#include "runtime/weight_sources.h"

namespace drypoint {

struct ActiveAdapter {
  std::shared_ptr<const FittedAdapter> fitted;
  double strength = 1, text_strength = 1;
  std::vector<double> blocks;  // see `AdapterUse`

  double strength_of(const FittedChange& change) const;
  bool operator==(const ActiveAdapter& other) const {
    return fitted->adapter->id == other.fitted->adapter->id && strength == other.strength &&
           text_strength == other.text_strength && blocks == other.blocks;
  }
};
using AdapterSet = std::vector<ActiveAdapter>;

/// What they do to each tensor. At strength 0 they do nothing.
WeightSources::Layers layers_of(const AdapterSet& adapters);

/// For any number of threads. A file is opened when it is first called, and stays open while
/// someone uses it.
class AdapterLibrary {
 public:
  /// Throws bad_argument if there is no such folder.
  AdapterLibrary(const std::optional<std::filesystem::path>& folder, const ModelConfig& config,
                 std::string model);

  /// `notices` gets what does not fit. Throws bad_argument for a name that is not there, and what
  /// `read_adapter` and `fit` throw.
  AdapterSet find(std::span<const AdapterUse> uses, std::vector<std::string>& notices) const;

 private:
  std::filesystem::path path_of(const std::string& name) const;
  std::shared_ptr<const FittedAdapter> open(const std::filesystem::path& path) const;

  std::optional<std::filesystem::path> folder_;
  ModelConfig config_;
  std::string model_;
  mutable std::mutex opening_;
  mutable std::optional<AdapterTargets> targets_;  // when first needed
  mutable std::map<std::string, std::weak_ptr<const FittedAdapter>> opened_;
};

}  // namespace drypoint
