// What a drawing's latents begin with, and what of them is known.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "diffusion/initial.h"
#include "diffusion/model/stages.h"
#include "diffusion/model/tiles.h"

namespace drypoint {

/// [samples, channels, h, w] each, but for `mask`.
struct FirstLatents {
  std::vector<float> noise;   // of unit variance
  std::vector<float> known;   // the initial picture's latent; empty without one
  std::vector<float> masked;  // of UNets for inpainting: mask and masked picture; else empty
  std::vector<float> mask;    // [h, w], 1: to be painted; empty: all is
};

/// Fills noise for all samples, in one draw or one for each; `shared`: the same for all where that
/// is one draw.
using DrawNoise = std::function<void(std::span<float> values, bool shared)>;

/// Whether a denoiser keeps what a mask keeps: UNets for inpainting do so of themselves by
/// diffusers' rule.
bool keeps_known(const Request& request, const UnetConfig& unet);

/// Whether the VAE's encoder is needed.
bool needs_encoder(const Request& request, const UnetConfig& unet);

/// Draws in the reference's order: for the initial picture's latent, the noise, for the masked
/// picture's. `initial` may be null; `tiles`: see `vae_tiles`.
FirstLatents first_latents(Stages& model, const Request& request, const InitialPicture* initial,
                           const Tiles& tiles, const DrawNoise& draw, const StopRequested& stop);

/// Sets a denoiser's inputs of what is known, of the latents from sample `first` on; `all.mask` has
/// each sample's.
void set_known(Executor& denoiser, const DenoiserShape& shape, size_t first,
               const FirstLatents& all);

/// The mean of what the encoder says of a picture, as a latent [4, h, w]. `tile`: see `vae_tiles`.
std::vector<float> mean_latent(Stages& model, const Image& picture, int tile,
                               const StopRequested& stop);

}  // namespace drypoint
