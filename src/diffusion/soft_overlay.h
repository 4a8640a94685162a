// Where soft inpainting shows what was drawn, and where the initial picture.
#pragma once

#include <span>

#include "drypoint/pipeline.h"

namespace drypoint {

/// By how far a latent, `drawn` [C, h, w], is from the `known` one, and by the mask [h, w], 0 to 1,
/// as far as the request says: one channel of this size, 8 h x 8 w, 255 where all is to be seen
/// that was drawn. The web UI's `apply_adaptive_masks` (extensions-builtin/soft-inpainting).
Image soft_overlay(const Request& request, std::span<const float> mask,
                   std::span<const float> known, std::span<const float> drawn, ImageSize size);

}  // namespace drypoint
