// A batch's latents on their way through the steps, whole or in tiles.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "diffusion/generation.h"

namespace drypoint {

/// The denoisers that a batch needs, one for each of its phases; of a tile where there are
/// several.
std::vector<DenoiserShape> denoiser_shapes(const Stages& model, Batch batch);

/// Steps of a batch, of one chunk of latents after the other.
int evaluations(Batch batch, const DenoiserShape& shape);

/// Called after each step with the number of those done and the last one's timestep.
using StepDone = std::function<void(int steps, double timestep)>;

/// -> [samples of all, 4, h, w]. In tiles (https://arxiv.org/abs/2302.08113, with feathered
/// windows) the model predicts each window by itself, and each step goes on from what they give
/// together: a step's result is a sum of the prediction and of what was there, so the windows'
/// results blend as their predictions would. Throws non_finite.
std::vector<float> denoise(Stages& model, Batch batch, std::span<const DenoiserShape> shapes,
                           const StepDone& step_done, const StopRequested& stop);

}  // namespace drypoint
