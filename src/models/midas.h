// MiDaS' depth networks DPT-Hybrid and DPT-Large (https://arxiv.org/abs/2103.13413), with the names
// of https://github.com/isl-org/MiDaS.
#pragma once

#include <filesystem>
#include <optional>

#include "models/bit_resnet.h"
#include "models/dpt.h"
#include "models/vit.h"

namespace drypoint {

struct MidasConfig {
  VitConfig vit;
  std::optional<BitResnetConfig> resnet;  // of the hybrid
  DptConfig dpt;
  bool operator==(const MidasConfig&) const = default;

  static constexpr int64_t patch = 16;     // pixels of a token's side
  static constexpr int64_t multiple = 32;  // what sides are of
};

/// "image" [1, H, W, 3], -1 to 1, and `vit_blocks`' inputs -> "depth" [1, H, W, 1], from 0, more
/// where it is near.
SizedGraph build_midas(const MidasConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const MidasConfig& config);

struct MidasFile {
  NamedTensors tensors;
  MidasConfig config;
};
inline constexpr const char* midas_vit = "pretrained.model.";  // before the transformer's tensors
/// Throws bad_file naming the tensor, unsupported for other networks.
MidasFile read_midas(const std::filesystem::path& path);

}  // namespace drypoint
