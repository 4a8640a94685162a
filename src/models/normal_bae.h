// The network that sees which way surfaces face, and how sure that is
// (https://arxiv.org/abs/2109.09881), as annotator/normalbae of
// https://github.com/lllyasviel/ControlNet-v1-1-nightly has it.
#pragma once

#include <array>
#include <filesystem>

#include "models/efficientnet.h"
#include "models/network_layers.h"

namespace drypoint {

struct NormalBaeConfig {
  EfficientnetConfig encoder;
  std::array<int64_t, 4> channels{};  // of each enlargement
  int64_t hidden = 0;                 // of what makes directions of them
  bool operator==(const NormalBaeConfig&) const = default;

  static constexpr int64_t multiple = 8;  // what sides are of
};

/// "image" [1, H, W, 3], normalised by ImageNet's colours -> "normals" [1, H, W, 4], a direction of
/// length 1 and how sure it is.
SizedGraph build_normal_bae(const NormalBaeConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const NormalBaeConfig& config);

struct NormalBaeFile {
  NamedTensors tensors;
  NormalBaeConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
NormalBaeFile read_normal_bae(const std::filesystem::path& path);

}  // namespace drypoint
