// One denoising step as one graph: the ControlNet and the UNet that it steers.
#pragma once

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

struct DenoiserShape {
  int64_t latents = 1;   // latents denoised together
  int64_t prompts = 2;   // runs of each latent: 2 with guidance (negative, positive), else 1
  int64_t contexts = 2;  // rows of "context"; divides latents * prompts
  int64_t hints = 1;     // rows of "hint"; 1, or latents * prompts
  int64_t height = 0, width = 0;  // of the latents: the picture's / 8
  int64_t context_length = 77;
  int64_t max_steps = 32;    // rows of "timesteps" and "coefficients"
  bool control = true;       // with the ControlNet
  bool apart = false;        // of two prompts the first without it: guess mode; `contexts` is 2
  bool fresh_noise = false;  // with "noise" for each step
  bool expose = false;       // outputs "eps" and "control0" ... too

  bool operator==(const DenoiserShape&) const = default;
};

/// A step of denoising: predict the noise, guide, go one step of DDIM.
/// Inputs, each step: "latent" [latents, 4, h, w], "step" i32 [1], a row of the tables, and
/// "noise", like "latent". Both outputs "latent" and "step" take the inputs' place, so that one run
/// after the other walks all steps.
/// Inputs, each picture: "timesteps" [max_steps], "coefficients" [max_steps, 6] (see
/// `DdimCoefficients`), "context" [contexts, L, D], and with control "hint" [hints, 3, 8 h, 8 w]
/// (0 to 1) and "control_scales" [controls].
/// Output "eps" [prompts * latents, 4, h, w]: row g * latents + i for prompt g and latent i.
Graph build_denoiser(const ModelConfig& config, const DenoiserShape& shape);

}  // namespace drypoint
