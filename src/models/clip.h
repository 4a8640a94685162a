// The CLIP text encoder (https://arxiv.org/abs/2103.00020), as Stable Diffusion 1.5 uses it.
#pragma once

#include "graph/builder.h"

namespace drypoint {

struct ClipConfig {
  int64_t heads = 12;
};

/// ids "ids" i32 [B, L], L = positions -> "embedding" [B, L, width]: the last hidden state after
/// the final layer norm.
Graph build_clip(const WeightTypes& weights, const ClipConfig& config, int64_t batch,
                 int64_t length);

}  // namespace drypoint
