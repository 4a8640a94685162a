// Stable Diffusion's autoencoder, as in ldm/modules/diffusionmodules/model.py.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

// A tiny one (`VaeConfig::is_tiny`) has ranges of its own, see taesd.h.

/// "latent" [N, latent_channels, h, w], already divided by the scaling factor -> "image"
/// [N, 8 h, 8 w, 3], -1 to 1 (it may overshoot), and, if `pixels`, "pixels" u8 [N, 8 h, 8 w, 4] by
/// "offset" [1], see `ToPixels`.
Graph build_vae_decoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width,
                        bool pixels = false);

/// "image" [N, H, W, 3], -1 to 1 -> "moments" [N, 2 latent_channels, H / 8, W / 8]: means, then log
/// variances.
Graph build_vae_encoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width);

/// Every tensor of such an autoencoder, by canonical name: the encoder's, then the decoder's.
std::vector<TensorSpec> tensors_of(const VaeConfig& config);

}  // namespace drypoint
