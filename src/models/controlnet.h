// ControlNet (https://arxiv.org/abs/2302.05543): the UNet's encoder again, fed with a hint.
#pragma once

#include "models/blocks.h"

namespace drypoint {

/// hint [Nh, H, W, 3] (edges, 0 to 1) -> [Nh, H / 8, W / 8, model channels].
ValueId hint_features(const Module& m, ValueId hint, const ControlnetConfig& config);

/// x [N, h, w, 4], features [Nh, h, w, C], embedding [1, E], context -> the control tensors: one
/// for each input block, then the middle block's.
std::vector<ValueId> controls(const Module& m, ValueId x, ValueId features, ValueId embedding,
                              ValueId context, const ControlnetConfig& config);

/// Every tensor of such a ControlNet, by canonical name, in the order of execution; of a model's
/// number i.
std::vector<TensorSpec> tensors_of(const ControlnetConfig& config, size_t number = 0);

}  // namespace drypoint
