// What a denoiser is built for and fed with, as a request says.
#pragma once

#include <span>
#include <vector>

#include "diffusion/model.h"
#include "diffusion/samplers/table.h"

namespace drypoint {

/// The denoiser for a picture of this size and a sampler.
DenoiserShape denoiser_shape(const Model& model, const Request& request, ImageSize size,
                             const SamplerTable& table);

/// All that a picture's steps have in common: the sampler's table, guidance, `context` [prompts,
/// 77, D], the edges, the strength of the control.
void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const float> context, const Image& edges, const Request& request);

}  // namespace drypoint
