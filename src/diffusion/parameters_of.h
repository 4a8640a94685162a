// The settings to write into a picture.
#pragma once

#include <span>

#include "diffusion/units.h"
#include "drypoint/parameters.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// Of the picture of this number, from 0, in a run with this seed, steered by these units;
/// `model_hash` may be empty. What the web UI has no word for is there only where it is not the
/// default: "Schedule: official", "Noise: per-sample" and, for the noise of a GPU other than the
/// default, "RNG grid: 108x2048".
Parameters parameters_of(const Request& request, std::span<const Unit> units,
                         const ModelDescription& model, ImageSize size, uint64_t seed, int number,
                         const std::string& model_hash = {});

}  // namespace drypoint
