// OpenPose's network for bodies (https://arxiv.org/abs/1812.08008), as annotator/openpose/model.py
// of https://github.com/lllyasviel/ControlNet-v1-1-nightly has it.
#pragma once

#include <filesystem>

#include "models/pose_layers.h"

namespace drypoint {

struct OpenposeConfig {
  PoseTrunk trunk;
  int64_t width = 0;   // of the branches
  int64_t wide = 0;    // of the first stage's last but one convolution
  int64_t stages = 0;  // of which each refines what the one before gave
  bool operator==(const OpenposeConfig&) const = default;

  static constexpr int64_t limbs = 19, parts = 18;  // what the public network knows of a body
};

/// "image" [1, H, W, 3], blue first, -0.5 to 0.5, sides multiples of 8 -> "limbs" [1, H / 8, W / 8,
/// 38], for each limb the direction (x, y) in which it lies; "parts" [1, H / 8, W / 8, 19], how
/// likely each part is there, and none.
Graph build_openpose(const OpenposeConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const OpenposeConfig& config);

struct OpenposeFile {
  NamedTensors tensors;
  OpenposeConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
OpenposeFile read_openpose(const std::filesystem::path& path);

}  // namespace drypoint
