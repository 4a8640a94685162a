// What one name means in different programs.
#pragma once

#include <vector>

#include "diffusion/samplers/names.h"
#include "drypoint/pipeline.h"

namespace drypoint {

struct ChosenSampler {
  NamedSampler sampler;
  ScheduleKind schedule;
};

/// The sampler and the schedule that the request's program has under these names. Throws
/// bad_argument for names that nobody has, and for a sampler that the program computes in a way
/// which is not here.
ChosenSampler sampler_of(const Request& request);

/// `make_levels` with the schedules that a program has under these names.
std::vector<NoiseLevel> levels_as_in(CompatKind program, const NamedSampler& sampler,
                                     ScheduleKind kind, int64_t steps, const NoiseSchedule& trained,
                                     NoiseLevel end);

/// Whether what counts from the share `start` of the steps to `end`, as ControlNets do, counts at
/// this row. Step i of n does unless i/n < start or (i+1)/n > end, in diffusers each evaluation is
/// such a step, in the web UI's extension it does if start <= i/n <= end, in ComfyUI by its
/// timestep, of which the last trained is 0.
bool counts_in(CompatKind program, double start, double end, const SamplerTable& table, size_t row);

/// A model's noise levels, where it was trained to the end of all signal with the little of it that
/// the program leaves for samplers that divide by it.
NoiseSchedule with_finite_sigmas_in(CompatKind program, const NoiseSchedule& trained);

/// Whether a walk from this sigma begins with the sample's whole deviation, sqrt(sigma^2 + 1).
bool begins_whole_in(CompatKind program, double sigma, const NoiseSchedule& trained);

/// Whether a pixel is the nearest byte, not the next below.
bool rounds_pixels(CompatKind program);

/// Whether the noise of stochastic samplers is that of a Brownian path.
bool has_brownian_noise(CompatKind program);

}  // namespace drypoint
