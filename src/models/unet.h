// Stable Diffusion's UNet (https://arxiv.org/abs/2112.10752), controlled as ControlNet's
// cldm/cldm.py `ControlledUnetModel` does.
#pragma once

#include "models/blocks.h"

namespace drypoint {

/// x [N, h, w, 4], embedding [1, E], context [Nc, L, D]; controls: none, or one for each input
/// block and one for the middle block, added with scales[i] -> predicted noise [N, h, w, 4].
ValueId unet(const Module& m, ValueId x, ValueId embedding, ValueId context,
             const std::vector<ValueId>& controls, ValueId scales, const DenoiserConfig& config);

}  // namespace drypoint
