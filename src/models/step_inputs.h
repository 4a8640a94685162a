// What the networks of a denoising step read, as inputs of a graph that holds one of them.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

/// In latents; a picture's sides / 8.
struct LatentSize {
  int64_t batch = 1, height = 0, width = 0;
};

/// The smallest that each level of the network can halve.
LatentSize smallest_latent(const UnetConfig& config);

/// Inputs "latent" [N, in_channels, h, w], "timestep" [1] and "context" [N, 77, context width].
struct StepInputs {
  ValueId latent;  // [N, h, w, in_channels]
  ValueId timestep, context;
  ValueId guidance = -1;  // "timestep_cond" [1, guidance_width], for a UNet that is told the scale

  StepInputs(Graph& graph, const Module& m, const UnetConfig& config, const LatentSize& size);
};

}  // namespace drypoint
