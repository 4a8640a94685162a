// What a denoiser is built for and fed with, as a request says.
#pragma once

#include <span>
#include <vector>

#include "diffusion/model.h"
#include "diffusion/schedule.h"

namespace drypoint {

/// The denoiser for a picture of this size in `steps` steps.
DenoiserShape denoiser_shape(const Model& model, const Request& request, ImageSize size,
                             size_t steps);

/// All that a picture's steps have in common: tables of the steps, `context` [prompts, 77, D], the
/// edges, the strength of the control.
void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape,
                        const std::vector<DdimStep>& steps, std::span<const float> context,
                        const Image& edges, const Request& request);

}  // namespace drypoint
