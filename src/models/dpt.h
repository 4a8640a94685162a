// What makes a plane out of a vision transformer's tokens (DPT, https://arxiv.org/abs/2103.13413):
// four feature maps, each joined with what the coarser ones gave.
#pragma once

#include <array>

#include "checkpoint/named_tensors.h"
#include "models/network_layers.h"

namespace drypoint {

struct DptConfig {
  std::array<int64_t, 4> channels{};  // of the maps, the finest first
  int64_t features = 0;               // of all that are joined
  int64_t hidden = 0;                 // of the last but one convolution
  bool operator==(const DptConfig&) const = default;
};

/// Of `prefix`scratch.*, which ends in a point or is empty; `last_but_one` names that convolution.
DptConfig detect_dpt(const NamedTensors& tensors, const std::string& prefix,
                     const std::string& last_but_one);

/// maps [1, h, w, channels] -> [1, 2 h, 2 w, features] of the finest. `m`: "scratch".
ValueId join_maps(SizedGraph& sized, const Module& m, const std::array<ValueId, 4>& maps,
                  const DptConfig& config);

}  // namespace drypoint
