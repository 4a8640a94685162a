// Stable Diffusion's UNet (https://arxiv.org/abs/2112.10752), controlled as ControlNet's
// cldm/cldm.py `ControlledUnetModel` does.
#pragma once

#include "models/blocks.h"

namespace drypoint {

/// What a ControlNet gives: a tensor for each input block and one for the middle block, or a
/// T2I-Adapter: one for each level. Tensor i is added with the factor scales[first_scale + i].
struct ControlTensors {
  std::vector<ValueId> tensors;
  int64_t first_scale = 0;
};

/// All that steers a UNet. ControlNets' tensors are added to the skip connections and the middle's
/// result, T2I-Adapters' in the encoder, to the result of each level's last block.
struct UnetControls {
  std::vector<ControlTensors> controlnets, adapters;
  ValueId scales = -1;
};

/// x [N, h, w, in_channels], embedding [1, E], context [Nc, L, D] -> [N, h, w, out_channels].
ValueId unet(const Module& m, ValueId x, ValueId embedding, ValueId context,
             const UnetControls& controls, const UnetConfig& config);

/// Every tensor of such a UNet, by canonical name, in the order of execution.
std::vector<TensorSpec> tensors_of(const UnetConfig& config);

}  // namespace drypoint
