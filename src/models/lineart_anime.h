// The network that draws a picture's lines as those of drawings, a UNet of pix2pix's kind, as
// annotator/lineart_anime/__init__.py of https://github.com/lllyasviel/ControlNet-v1-1-nightly has
// it.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"

namespace drypoint {

struct LineartAnimeConfig {
  std::vector<int64_t>
      channels;  // of each convolution down, each at half the size of the one above
  bool operator==(const LineartAnimeConfig&) const = default;

  /// What sides are a multiple of.
  int64_t multiple() const { return int64_t{1} << channels.size(); }
};

/// "image" [1, H, W, 3], -1 to 1 -> "lines" [1, H, W, 1], before the hyperbolic tangent; 1 is no
/// line.
Graph build_lineart_anime(const LineartAnimeConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const LineartAnimeConfig& config);

struct LineartAnimeFile {
  NamedTensors tensors;
  LineartAnimeConfig config;
};
/// Throws bad_file naming the tensor, unsupported for other networks.
LineartAnimeFile read_lineart_anime(const std::filesystem::path& path);

}  // namespace drypoint
