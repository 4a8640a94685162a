// From pictures to latents and back, whole or in tiles.
#pragma once

#include <span>
#include <vector>

#include "diffusion/model/stages.h"
#include "diffusion/model/tiles.h"

namespace drypoint {

/// The tiles of latents that the VAE takes of a picture of `size`, for a side of `tile` pixels; 0:
/// one of all. They overlap by a quarter. A VAE's group norms and its attention see one tile, so a
/// picture's colours may differ a little from those of the whole; blending hides the seams.
Tiles vae_tiles(ImageSize size, int tile);

/// A latent [4, h, w], scaled as the denoiser has it -> the picture [8 h, 8 w, 3], from -1 to 1 (it
/// may overshoot). Throws non_finite.
std::vector<float> decode(Stages& model, std::span<const float> latent, const Tiles& tiles,
                          const StopRequested& stop);

/// The same as bytes, of a picture of `size` in tiles of so many pixels (see `vae_tiles`).
Image decode_image(Stages& model, std::span<const float> latent, ImageSize size, int tile,
                   const StopRequested& stop, bool rounds = false);

/// What a decoder that has run made of a latent, as bytes [8 h, 8 w, 3]. False if it is not finite.
bool read_pixels(const Executor& decoder, std::vector<uint8_t>& pixels);

/// A picture [H, W, 3], from -1 to 1 -> "moments" [8, h, w]: means, then log variances. Throws
/// non_finite, and unsupported if the VAE has no encoder.
std::vector<float> encode(Stages& model, std::span<const float> picture, const Tiles& tiles,
                          const StopRequested& stop);

/// [H, W, 3] from -1 to 1 -> bytes, the next below or, if it `rounds`, the nearest.
Image image_of(std::span<const float> values, ImageSize size, bool rounds = false);

}  // namespace drypoint
