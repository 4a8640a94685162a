// From a request to a sampler's table.
#pragma once

#include "diffusion/samplers/names.h"
#include "drypoint/pipeline.h"

namespace drypoint {

/// Which part of a walk is walked.
struct WalkPart {
  int steps = 0;             // of all of it
  int first = 0;             // the step that it begins with
  bool from_latent = false;  // with a latent that is given, and noise of that step's level
};

/// Of a request's picture: all, or with an initial picture the part that its rule says. Throws
/// bad_argument where nothing is left.
WalkPart walk_part(const Request& request);
/// Of the second pass of one with `hires_scale`.
WalkPart second_walk_part(const Request& request);

/// `automatic` in full.
PaintingRule painting_rule(const Request& request);

/// The table of a sampler on a walk.
SamplerTable make_table(Sampler sampler, const Walk& walk,
                        Prediction prediction = Prediction::epsilon);

/// Throws bad_argument for what no sampler is called, and for settings out of range or without
/// effect.
SamplerTable sampler_table(const Request& request, const NoiseSchedule& trained,
                           Prediction prediction = Prediction::epsilon);
/// Of this part of the walk.
SamplerTable sampler_table(const Request& request, const WalkPart& part,
                           const NoiseSchedule& trained, Prediction prediction);

}  // namespace drypoint
