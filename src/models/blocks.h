// Blocks that the UNet and the ControlNet share, as in ControlNet's
// ldm/modules/diffusionmodules/openaimodel.py and ldm/modules/attention.py.
#pragma once

#include <functional>

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

/// timestep [1] -> [1, time_width].
/// `guidance`: the embedding of the guidance scale, [rows, guidance_width], if the UNet has one.
ValueId time_embedding(const Module& m, ValueId timestep, const UnetConfig& config,
                       ValueId guidance = -1);

/// x [N, H, W, I], embedding [1, E] -> [N, H, W, channels].
ValueId res_block(const Module& m, ValueId x, ValueId embedding, int64_t channels,
                  const UnetConfig& config);

/// x [N, H, W, C], context [Nc, L, D] -> [N, H, W, C].
ValueId spatial_transformer(const Module& m, ValueId x, ValueId context,
                            const UnetConfig::Level& level, const UnetConfig& config);

/// `input_blocks`: a convolution, then for each level its residual blocks, with transformers where
/// it has them, and a convolution that halves the size. What `then(i, result of block i)` gives
/// goes on to the next block. -> what goes on from the last one.
ValueId input_blocks(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const UnetConfig& config,
                     const std::function<ValueId(int64_t, ValueId)>& then);

/// `middle_block`: residual block, transformer, residual block.
ValueId middle_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const UnetConfig& config);

}  // namespace drypoint
