// Depth Anything (https://arxiv.org/abs/2401.10891) and its second version
// (https://arxiv.org/abs/2406.09414), small, base and large, with the names of their code.
#pragma once

#include <filesystem>

#include "models/dpt.h"
#include "models/vit.h"

namespace drypoint {

struct DepthAnythingConfig {
  VitConfig vit;
  DptConfig dpt;
  /// Which blocks are looked into; the versions differ in this alone.
  std::array<int64_t, 4> taken{};
  bool operator==(const DepthAnythingConfig&) const = default;

  static constexpr int64_t patch =
      14;  // pixels of a token's side, and what sides are a multiple of
};

/// "image" [1, H, W, 3], normalised by ImageNet's colours, and `vit_blocks`' inputs -> "depth" [1,
/// H, W, 1], from 0, more where it is near.
SizedGraph build_depth_anything(const DepthAnythingConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const DepthAnythingConfig& config);

struct DepthAnythingFile {
  NamedTensors tensors;
  DepthAnythingConfig config;
};
inline constexpr const char* depth_anything_vit = "pretrained.";
/// `version`: 1 or 2. Throws bad_file naming the tensor, unsupported for other networks.
DepthAnythingFile read_depth_anything(const std::filesystem::path& path, int version);

}  // namespace drypoint
