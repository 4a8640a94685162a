// M-LSD's large network for straight lines (https://arxiv.org/abs/2106.00186), as
// annotator/mlsd/models/mbv2_mlsd_large.py of
// https://github.com/lllyasviel/ControlNet-v1-1-nightly has it.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "models/network_layers.h"

namespace drypoint {

struct MlsdConfig {
  int64_t stem = 0;  // channels of the first convolution
  /// Of MobileNetV2's blocks (https://arxiv.org/abs/1801.04381): `expanded` while each channel is
  /// convolved by itself, `channels` after.
  struct Block {
    int64_t expanded = 0, channels = 0;
    bool operator==(const Block&) const = default;
  };
  std::vector<Block> blocks;
  int64_t width = 0;    // of what joins the levels
  int64_t results = 0;  // of which the last nine say what lines there are
  bool operator==(const MlsdConfig&) const = default;

  static constexpr int64_t multiple = 16;  // what sides are of
};

/// "image" [1, H, W, 4], -1 to 1, the last channel 1 / 127.5 - 1 -> "lines" [1, H / 2, W / 2,
/// results], among the last nine: how likely a line's middle is there, before the sigmoid, and
/// where from there its ends lie (x, y, x, y).
SizedGraph build_mlsd(const MlsdConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const MlsdConfig& config);

struct MlsdFile {
  NamedTensors tensors;
  MlsdConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
MlsdFile read_mlsd(const std::filesystem::path& path);

}  // namespace drypoint
