// Stable Diffusion's UNet (https://arxiv.org/abs/2112.10752), controlled as ControlNet's
// cldm/cldm.py `ControlledUnetModel` does.
#pragma once

#include "models/blocks.h"

namespace drypoint {

/// What a ControlNet gives: a tensor for each input block and one for the middle block, of which i
/// is added with the factor scales[first_scale + i].
struct ControlTensors {
  std::vector<ValueId> tensors;
  int64_t first_scale = 0;
};

/// x [N, h, w, in_channels], embedding [1, E], context [Nc, L, D] -> [N, h, w, out_channels].
ValueId unet(const Module& m, ValueId x, ValueId embedding, ValueId context,
             const std::vector<ControlTensors>& controls, ValueId scales, const UnetConfig& config);

/// Every tensor of such a UNet, by canonical name, in the order of execution.
std::vector<TensorSpec> tensors_of(const UnetConfig& config);

}  // namespace drypoint
