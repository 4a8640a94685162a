// What a picture is to become, seen while it is drawn.
#pragma once

#include <span>
#include <vector>

#include "diffusion/model/stages.h"
#include "diffusion/samplers/table.h"

namespace drypoint {

/// Which of how many latents.
struct LatentNumber {
  size_t number = 0, of = 1;
};

/// The clean latent [C, h, w] that the model foresees for one of its latents: from what it saw of
/// it, `seen` (in the first slot before this row), and from its `prediction` [latents or 2 latents,
/// C, h, w], the negative prompt's first where there is guidance.
std::vector<float> clean_latent(std::span<const float> seen, std::span<const float> prediction,
                                const SamplerTable::Row& row, Prediction kind, double guidance,
                                LatentNumber latent);

/// A latent [4, h, w] as a picture: through a tiny VAE, else a pixel for each of its places, by a
/// linear map fitted to Stable Diffusion 1's latents (K. Turner, "Decoding latents to RGB without
/// upscaling", 2022).
Image preview_of(Stages& model, std::span<const float> latent, ImageSize size,
                 const StopRequested& stop);

}  // namespace drypoint
