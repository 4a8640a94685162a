// EfficientNet's trunk (https://arxiv.org/abs/1905.11946), as TensorFlow has it, with the names of
// https://github.com/rwightman/gen-efficientnet-pytorch.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "graph/builder.h"
#include "models/network_file.h"

namespace drypoint {

struct EfficientnetConfig {
  /// Channels while each is convolved by itself, of what says which of them count, and after.
  struct Block {
    bool expands = true;  // has a convolution that leads to the first of these
    int64_t kernel = 0;
    int64_t expanded = 0, squeezed = 0, channels = 0;
    bool operator==(const Block&) const = default;
  };
  int64_t stem = 0;  // channels, at half the size
  std::vector<std::vector<Block>> stages;
  int64_t head = 0;  // channels of the last convolution
  bool operator==(const EfficientnetConfig&) const = default;

  static constexpr size_t stage_count = 7;
};

/// Of the tensors below `prefix`, which ends in a point; of a stem of 0 for others.
EfficientnetConfig detect_efficientnet(const NamedTensors& tensors, const std::string& prefix);

/// All convolutions but the head's have a batch norm. `prefix` as above.
std::vector<StoredLayer> stored_layers(const EfficientnetConfig& config, const std::string& prefix);

/// x [1, H, W, 3] -> what each stage gives, at 1/2, 1/4, 1/8, 1/16, 1/16, 1/32 and 1/32 of the
/// size, and, last, the head's convolution of that, without norm and activation.
std::vector<ValueId> efficientnet(const Module& m, ValueId x, const EfficientnetConfig& config);

}  // namespace drypoint
