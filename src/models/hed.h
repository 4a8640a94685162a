// ControlNet's holistically-nested edge detection (https://arxiv.org/abs/1504.06375), as
// annotator/hed/__init__.py of https://github.com/lllyasviel/ControlNet-v1-1-nightly has it.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"

namespace drypoint {

struct HedConfig {
  struct Block {
    int64_t channels = 0, convolutions = 0;
    bool operator==(const Block&) const = default;
  };
  std::vector<Block> blocks;  // each at half the size of the one before
  bool operator==(const HedConfig&) const = default;
};

/// "image" [1, H, W, 3], 0 to 255 without the tensor "norm" -> "edges0", "edges1", ... of each
/// block [1, h, w, 1], before the sigmoid.
Graph build_hed(const HedConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const HedConfig& config);

struct HedFile {
  NamedTensors tensors;
  HedConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
HedFile read_hed(const std::filesystem::path& path);

}  // namespace drypoint
