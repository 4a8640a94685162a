// What a saved plan is for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drypoint/image.h"
#include "drypoint/model_files.h"
#include "drypoint/precision.h"

namespace drypoint {

/// What a plan's weights are packed for. A plan runs where all but `name` is the same.
struct PlanDevice {
  std::string kind;      ///< "cuda", "cpu" or "reference"
  std::string hardware;  ///< "compute capability 9.0", or libraries and their instruction sets
  std::string name;      ///< "NVIDIA H100 80GB HBM3"; choices among kernels hold for this one
  Precision precision;   ///< not `automatic`
  std::string code;      ///< hash of the code that packs weights for it

  bool operator==(const PlanDevice&) const = default;
};

struct PlanPart {
  std::string name;    ///< "UNet", "ControlNet", "VAE" or "text encoder"
  std::string source;  ///< the file or folder that it was read from, as it was given
  int64_t tensors = 0, parameters = 0;
};

struct PlanInfo {
  std::string producer;                ///< the version of Drypoint that built it: "0.1.0"
  std::string model, control;          ///< the names of the checkpoints; of the first ControlNet
  std::vector<NamedControl> controls;  ///< the ControlNets' names, and their checkpoints'
  /// As `Model::hash` and `ModelDescription::control_hashes` of what it was built from.
  std::string model_hash;
  std::vector<std::string> control_hashes;
  PlanDevice device;
  std::vector<ImageSize> sizes;  ///< that it was built for
  int samples = 1;               ///< pictures at once
  /// Whether it runs other sizes too. If not, those that need a weight in another layout fail.
  bool any_size = true;
  std::vector<PlanPart> parts;
  bool has_tokenizer = false;    ///< a vocabulary of the model's own
  int64_t packed_weights = 0;    ///< how many
  int64_t packed_bytes = 0;      ///< of weights as the device's kernels read them
  int64_t checkpoint_bytes = 0;  ///< of tensors as in the checkpoint, to pack when they are needed
  int64_t choices = 0;           ///< among kernels, of those that can be chosen
  int64_t file_bytes = 0;
};

}  // namespace drypoint
