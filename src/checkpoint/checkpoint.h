// What a checkpoint holds, whatever its layout.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "checkpoint/parts.h"

namespace drypoint {

struct Checkpoint {
  /// Canonical names (see `Part`); the schedule's buffers (`alphas_cumprod`, ...) keep theirs.
  NamedTensors tensors;
  std::string layout;                   // "safetensors", "PyTorch zip", "diffusers folder", ...
  std::map<Part, std::string> sources;  // the parts there are, and the path each came from
  std::optional<std::filesystem::path> tokenizer;  // a folder with vocab.json and merges.txt

  /// Of a model that was put together, its ControlNets: what requests call each, and the path that
  /// it came from. Number i has its tensors under `control_prefix(i)`.
  struct Controlnet {
    std::string name, source;
  };
  std::vector<Controlnet> controlnets;

  bool has(Part part) const { return sources.contains(part); }
};

}  // namespace drypoint
