// The residual network (https://arxiv.org/abs/1912.11370) that DPT's hybrid has before its
// transformer, with timm's names (ResNetV2, not preactivated, weights standardised).
#pragma once

#include <vector>

#include "checkpoint/named_tensors.h"
#include "models/network_file.h"
#include "models/network_layers.h"

namespace drypoint {

struct BitResnetConfig {
  struct Stage {
    int64_t channels = 0, blocks = 0;
    bool operator==(const Stage&) const = default;
  };
  int64_t stem = 0;  // channels
  std::vector<Stage>
      stages;  // the first at a quarter of the size, each other at half of its before
  bool operator==(const BitResnetConfig&) const = default;
};

/// Of the tensors below `prefix`, which ends in a point.
BitResnetConfig detect_bit_resnet(const NamedTensors& tensors, const std::string& prefix);

/// Each filter of the convolutions less its mean, divided by its deviation, as they are used.
StoredLayer standardized_weights(const std::string& prefix);

/// x [1, H, W, 3], sides multiples of 4 -> what each stage gives.
std::vector<ValueId> bit_resnet(SizedGraph& sized, const Module& m, ValueId x,
                                const BitResnetConfig& config);

}  // namespace drypoint
