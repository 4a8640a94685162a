// Stable Diffusion's autoencoder, as in ldm/modules/diffusionmodules/model.py.
#pragma once

#include "graph/builder.h"

namespace drypoint {

struct VaeConfig {
  int64_t groups = 32;  // of every group norm
};

/// "latent" [N, 4, h, w], already divided by the scale factor -> "image" [N, 8 h, 8 w, 3], -1 to 1
/// (it may overshoot).
Graph build_vae_decoder(const WeightTypes& weights, int64_t batch, int64_t height, int64_t width,
                        const VaeConfig& config = {});

/// "image" [N, H, W, 3], -1 to 1 -> "moments" [N, 8, H / 8, W / 8]: mean, then log variance.
Graph build_vae_encoder(const WeightTypes& weights, int64_t batch, int64_t height, int64_t width,
                        const VaeConfig& config = {});

}  // namespace drypoint
