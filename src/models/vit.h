// Vision transformers (https://arxiv.org/abs/2010.11929) as depth networks look into them, with the
// names of https://github.com/huggingface/pytorch-image-models and of DINOv2.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "models/network_layers.h"

namespace drypoint {

struct VitConfig {
  int64_t width = 0;  // 64 a head
  int64_t depth = 0;  // blocks
  int64_t grid = 0;   // positions on a side, for which there are weights
  bool operator==(const VitConfig&) const = default;
};

/// Of the tensors below `prefix`, which ends in a point; of a width or depth of 0 for others.
VitConfig detect_vit(const NamedTensors& tensors, const std::string& prefix);

/// The tensors that `vit_positions` takes.
std::vector<TensorSpec> vit_host_tensors(const VitConfig& config, const std::string& prefix);

/// patches [1, H, W, width] -> what comes out of each of the blocks `taken`, in order, [1, 1 + H W,
/// width], the class's token first. Takes the inputs "class_token" [1, 1, width] and "positions"
/// [1, H W, width].
std::vector<ValueId> vit_blocks(Graph& graph, const Module& m, ValueId patches,
                                const VitConfig& config, std::span<const int64_t> taken);

/// tokens [1, 1 + L, width] -> the patches' [1, L, width]; the class's, repeated, [1, L, width].
ValueId patch_tokens(const Module& m, ValueId tokens);
ValueId class_tokens(const Module& m, ValueId tokens);

}  // namespace drypoint
