// The tiny autoencoder for Stable Diffusion (https://github.com/madebyollin/taesd): a small network
// in the VAE's place, for drafts.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

/// "latent" [N, latent_channels, h, w], clamped by 3 tanh(x / 3) -> "image" [N, 8 h, 8 w, 3], from
/// 0 to 1 (it may overshoot).
Graph build_taesd_decoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width);

/// "image" [N, H, W, 3], 0 to 1 -> "moments" [N, latent_channels, H / 8, W / 8]: the latent itself.
Graph build_taesd_encoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width);

}  // namespace drypoint
