// One denoising step as one graph: the ControlNet and the UNet that it steers.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "models/configs.h"

namespace drypoint {

/// A hint and the ControlNet that it steers through.
struct ControlShape {
  size_t net = 0;              // of the model's ControlNets
  bool positive_only = false;  // the negative prompt without it
  bool pooled = false;         // its tensors averaged over the picture
  bool in_region = false;      // its tensors times a mask

  bool operator==(const ControlShape&) const = default;
};

struct DenoiserShape {
  int64_t latents = 1;  // latents denoised together
  /// Runs of each latent: 2 with guidance (negative, positive), else 1; more: the positive prompt
  /// has parts.
  int64_t prompts = 2;
  int64_t contexts = 2;           // rows of "context"; divides latents * prompts
  int64_t hints = 1;              // rows of each hint; 1, latents, or latents * prompts
  int64_t height = 0, width = 0;  // of the latents: the picture's / 8
  int64_t context_length = 77;
  int64_t negative_length = 0;             // of the negative prompt's, where it is another; else 0
  int64_t max_steps = 32;                  // rows of "timesteps" and "sampler"
  int64_t slots = 1;                       // of the sampler
  int64_t noises = 0;                      // rows of "noise"; 0: the sampler adds none
  std::vector<ControlShape> controls{{}};  // whose tensors are added up; may be empty
  bool masked = false;                     // what a mask keeps of a known latent
  bool soft = false;                       // of that, by shares, see `SoftBlend`
  bool rescaled = false;                   // guidance, see `RescaleGuidance`
  bool foretells = false;                  // output "prediction", for previews
  bool pixels = false;                     // hints are bytes of pictures, see `FromPixels`
  bool expose = false;  // outputs "eps" and "control0" ..., of the first control, too

  /// Whether the negative prompt runs by itself. `hints` is 1 or `latents` then, and `contexts` is
  /// `prompts` where its length is another.
  bool is_split() const {
    return negative_length > 0 || std::ranges::any_of(controls, &ControlShape::positive_only);
  }
  /// Rows of "context".
  int64_t context_rows() const { return negative_length > 0 ? contexts - 1 : contexts; }

  bool operator==(const DenoiserShape&) const = default;
};

/// "hint", "hint1", ...
std::string hint_input(size_t control);
/// "region0_0", of control 0 at the latent's size, "region0_1", at the UNet's next level, ...
std::string region_input(size_t control, size_t level);

/// One evaluation of the model and what the sampler makes of it.
/// Inputs, each step: "slots" [slots * latents, 4, h, w], of which the model sees the first, and
/// "step" i32 [1], a row of the tables. Both outputs of these names take the inputs' place, so that
/// one run after the other walks all steps.
/// Inputs, each picture: "timesteps" [max_steps], "sampler" [max_steps, slots * (slots + 2)] (see
/// `SamplerUpdate`), with noise "noise" [noises * latents, 4, h, w], with two prompts
/// "guidance_scale" [latents] and, if `rescaled`, "guidance_rescale" [latents], of a UNet that is
/// told the scale "guidance_embedding" [max_steps, guidance_width], with more the shares of the
/// positive prompt's parts in the guided
/// prediction and minus their sum, "part_weights" [prompts], "context" [contexts, L, D], of which
/// the negative prompt's, where it has another length, is "negative_context" [1, L', D], and for
/// control i `hint_input(i)` [hints, C, 8 h, 8 w] (0 to 1) or, if `pixels`, u8 [hints, 8 h, 8 w,
/// C + 1], the last channel a mask, if it is `in_region` for each level
/// `region_input(i, level)` [hints, 1, h, w], half as high and wide at the next, and for all of
/// them, one after the other, "control_scales" [controls * control tensors]; of an inpainting UNet
/// "masked" [latents, 5, h, w], the mask (1: to be painted) and the latent of the picture without
/// what it covers; if `masked` "mask" [latents, 1, h, w] (1: to be painted), "known" and
/// "known_noise" [latents, 4, h, w] and the tables "kept_output" and "kept_latent" [max_steps, 3]
/// (see `Blend`), of what is kept of the model's output, as shares of "known" and the latent that
/// it saw, and of the next step's latent, as shares of "known" and "known_noise"; if `soft`
/// "soft_rows" [max_steps, 6] (see `SoftRow`) and neither these nor "known_noise". Output "eps"
/// [prompts * latents, 4, h, w]: row g
/// * latents + i for prompt g and latent i; "prediction" is the same as the sampler sees it.
Graph build_denoiser(const ModelConfig& config, const DenoiserShape& shape);

}  // namespace drypoint
