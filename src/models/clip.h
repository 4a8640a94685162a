// The CLIP text encoder (https://arxiv.org/abs/2103.00020), as Stable Diffusion uses it.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

struct TextEncoderShape {
  int64_t prompts = 2;
  int64_t clip_skip = 1;    // the layer whose output counts, from the last, which is 1
  bool embeddings = false;  // some tokens are vectors of textual inversion

  bool operator==(const TextEncoderShape&) const = default;
};

/// ids "ids" i32 [B, positions] -> "embedding" [B, positions, width]: a hidden state after the
/// final layer norm. With embeddings also "vectors" [B * positions, width], and "rows" i32 [B,
/// positions]: row r below B * positions is the token r of "ids", others are vectors.
Graph build_clip(const ClipConfig& config, const TextEncoderShape& shape);

/// Every tensor of such an encoder, by canonical name, in the order of execution.
std::vector<TensorSpec> tensors_of(const ClipConfig& config);

}  // namespace drypoint
