// What networks that see depth have in common.
#pragma once

#include "annotate/hint_network.h"
#include "models/vit.h"

namespace drypoint {

enum class PositionResize : uint8_t {
  bilinear,  ///< by the sizes
  dinov2,    ///< bicubic, by sizes of which the new one counts 0.1 more, as DINOv2 has it
};

/// A transformer's "class_token" and "positions" for a grid of patches of this size.
NetworkInputs vit_positions(const NamedTensors& tensors, const std::string& prefix,
                            const VitConfig& config, ImageSize patches, PositionResize resize);

/// Depth from 0 (the least) to 255 (the most) of a picture, white where it is near.
Image depth_hint(std::span<const float> depth, ImageSize size);

}  // namespace drypoint
