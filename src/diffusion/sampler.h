// A step's numbers as the denoiser's graph wants them.
#pragma once

#include "diffusion/schedule.h"
#include "ops/ddim_update.h"

namespace drypoint {

/// In float32, in the order in which the reference computes.
DdimCoefficients ddim_coefficients(const DdimStep& step, float guidance_scale);

}  // namespace drypoint
