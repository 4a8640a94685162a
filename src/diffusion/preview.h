// What a picture looks like before it is done.
#pragma once

#include <span>

#include "drypoint/image.h"

namespace drypoint {

/// One pixel for each of a latent [4, h, w], `size` being w and h, without the VAE.
Image preview_of(std::span<const float> latent, ImageSize size);

}  // namespace drypoint
