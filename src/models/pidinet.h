// Pixel difference networks for edges (https://arxiv.org/abs/2108.07009), as
// annotator/pidinet/model.py of https://github.com/lllyasviel/ControlNet-v1-1-nightly has them: of
// the kind "carv4", with dilated convolutions and attention.
#pragma once

#include <filesystem>

#include "checkpoint/named_tensors.h"
#include "models/network_layers.h"

namespace drypoint {

struct PidinetConfig {
  int64_t channels = 0;  // of the first of four levels
  int64_t dilated = 0;   // of what each level's dilated convolutions give
  int64_t attended = 0;  // of what tells where its edges count
  bool operator==(const PidinetConfig&) const = default;

  static constexpr size_t levels = 4;
};

/// "image" [1, H, W, 3], blue first, 0 to 1 -> of each level at half the size of the one before
/// "edges0", ... [1, h, w, 1], of which the share sigmoid("gate0") counts.
SizedGraph build_pidinet(const PidinetConfig& config, int64_t height, int64_t width);

/// Every tensor of a file with such a network.
std::vector<TensorSpec> tensors_of(const PidinetConfig& config);

struct PidinetFile {
  NamedTensors tensors;
  PidinetConfig config;
};
/// Beside the graph's there are the tensors conv_reduces.I.conv.bias [1], classifier.weight [1, 4,
/// 1, 1] and classifier.bias [1]. Throws bad_file naming the tensor, unsupported for other
/// networks.
PidinetFile read_pidinet(const std::filesystem::path& path);

}  // namespace drypoint
