// Networks that draw a picture's lines: those of https://github.com/carolineec/informative-drawings
// ("lineart", fine and coarse), as annotator/lineart/__init__.py of
// https://github.com/lllyasviel/ControlNet-v1-1-nightly has it.
#pragma once

#include <filesystem>

#include "checkpoint/named_tensors.h"
#include "models/network_layers.h"

namespace drypoint {

struct LineartConfig {
  int64_t channels = 0;  // of the first convolution; twice as many at each halving
  int64_t blocks = 0;    // residual
  bool operator==(const LineartConfig&) const = default;

  static constexpr int64_t multiple = 4;  // what sides are of
};

/// "image" [1, H, W, 3], 0 to 1, sides multiples of 4 -> "lines" [1, H, W, 1], before the sigmoid;
/// 1 is no line.
SizedGraph build_lineart(const LineartConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const LineartConfig& config);

struct LineartFile {
  NamedTensors tensors;
  LineartConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
LineartFile read_lineart(const std::filesystem::path& path);

}  // namespace drypoint
