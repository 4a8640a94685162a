// What a denoiser is built for and fed with, as a request says.
#pragma once

#include <span>
#include <vector>

#include "diffusion/model/stages.h"
#include "diffusion/samplers/table.h"
#include "diffusion/units.h"

namespace drypoint {

/// What a denoiser's shape takes from the prompts.
struct PromptShape {
  bool guided = true;
  int64_t parts = 1;  // of the positive prompt, joined by AND
  int64_t chunks = 1, negative_chunks = 1;
};

/// The denoiser for a picture of this size and a sampler, with the request's own strength as its
/// control if the model has a ControlNet (for others see `shape_in`).
DenoiserShape denoiser_shape(const Stages& model, const Request& request, ImageSize size,
                             const SamplerTable& table, const PromptShape& prompts);
/// The same for prompts of a chunk each.
DenoiserShape denoiser_shape(const Stages& model, const Request& request, ImageSize size,
                             const SamplerTable& table);

/// The denoiser for so many such pictures of one latent each, every one with its own prompts and
/// edges. It computes for each what `shape` computes for one. Not for parts, nor for prompts of
/// other lengths.
DenoiserShape together(DenoiserShape shape, size_t pictures);

/// For a UNet that is told the guidance scale: sines and cosines of 1000 (scale - 1), as diffusers'
/// `get_guidance_scale_embedding`, the same for each row of the table. S. Luo and others, "Latent
/// consistency models" (2023). Nothing for others.
void set_guidance_embedding(Executor& denoiser, double scale);

/// What steers a picture: of its units those of the shape.
using UnitSet = std::vector<const Unit*>;

/// The hints of each picture's units, and what the units have in common.
void set_controls(Executor& denoiser, const DenoiserShape& shape,
                  std::span<const UnitSet* const> pictures);

/// What a picture's steps have in common apart from the prompts (see `Conditioning`): the sampler's
/// table, hints, the strengths of the controls.
void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        const UnitSet& units);
/// The same for edges that steer with the request's own strength, if anything does.
void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        const Image& edges, const Request& request);
/// And guidance and `context` [prompts, 77, D].
void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const float> context, const Image& edges, const Request& request);

struct PictureInputs {
  std::vector<float> context;  // [prompts, L, D]
  double guidance_scale = 1, guidance_rescale = 0;
  UnitSet units;
};
/// The same for pictures drawn together, whose table and strengths are those of the first.
void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const PictureInputs> pictures);

}  // namespace drypoint
