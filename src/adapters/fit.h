// An adapter and the model that it is put on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/adapter.h"
#include "adapters/targets.h"

namespace drypoint {

struct FittedChange {
  std::string tensor;  // canonical
  Part part = Part::unet;
  const AdapterChange* change = nullptr;
};

struct FittedAdapter {
  std::shared_ptr<const Adapter> adapter;
  std::vector<FittedChange> changes;
  std::vector<std::string> left;  // keys for which the model has no place
};

/// Throws unsupported, with both names, for an adapter of another family, or of which nothing fits.
FittedAdapter fit(const std::shared_ptr<const Adapter>& adapter, const AdapterTargets& targets,
                  const ModelConfig& config, const std::string& model);

/// "Stable Diffusion 1", "SDXL", by what only their adapters have; empty: unknown.
std::string family_of(const Adapter& adapter);

}  // namespace drypoint
