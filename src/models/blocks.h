// Blocks that the UNet and the ControlNet share, as in ControlNet's
// ldm/modules/diffusionmodules/openaimodel.py and ldm/modules/attention.py.
#pragma once

#include "graph/builder.h"

namespace drypoint {

/// Sizes that no tensor's shape shows.
struct DenoiserConfig {
  int64_t heads = 8;    // of every attention
  int64_t groups = 32;  // of every group norm
};

/// timestep [1] -> [1, 4 * model channels].
ValueId time_embedding(const Module& m, ValueId timestep);

/// x [N, H, W, I], embedding [1, E] -> [N, H, W, O].
ValueId res_block(const Module& m, ValueId x, ValueId embedding, const DenoiserConfig& config);

/// x [N, H, W, C], context [Nc, L, D] -> [N, H, W, C].
ValueId spatial_transformer(const Module& m, ValueId x, ValueId context,
                            const DenoiserConfig& config);

/// One entry of `input_blocks` (or the middle one): whatever layers it has.
ValueId input_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                    const DenoiserConfig& config);

/// `middle_block`: residual block, transformer, residual block.
ValueId middle_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const DenoiserConfig& config);

/// How many of "blocks.0", "blocks.1", ... the module has, told by their weights.
int64_t count_blocks(const Module& m, const std::string& blocks);

}  // namespace drypoint
