// The CLIP text encoder (https://arxiv.org/abs/2103.00020), as Stable Diffusion uses it.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

/// ids "ids" i32 [B, positions] -> "embedding" [B, positions, width]: the last hidden state after
/// the final layer norm.
Graph build_clip(const ClipConfig& config, int64_t batch);

/// Every tensor of such an encoder, by canonical name, in the order of execution.
std::vector<TensorSpec> tensors_of(const ClipConfig& config);

}  // namespace drypoint
