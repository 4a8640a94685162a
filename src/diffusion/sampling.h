// From a request to a sampler's table.
#pragma once

#include "diffusion/samplers/names.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// The table of a sampler on a walk.
SamplerTable make_table(Sampler sampler, const Walk& walk,
                        Prediction prediction = Prediction::epsilon);

/// Throws bad_argument for what no sampler is called, and for settings out of range or without
/// effect.
SamplerTable sampler_table(const Request& request, const NoiseSchedule& trained,
                           Prediction prediction = Prediction::epsilon);

}  // namespace drypoint
