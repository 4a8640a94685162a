// Which noise levels a run visits, and the numbers that its steps need there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "drypoint/sampling.h"

namespace drypoint {

/// How many noise levels the models were trained on.
constexpr int kNoiseLevels = 1000;

/// Stable Diffusion's noise levels: the share of signal left in the variance, in float64 rounded to
/// float32. betas = linspace(sqrt 0.00085, sqrt 0.012, 1000)^2, alphas_cumprod = cumprod(1 -
/// betas).
std::vector<float> default_alphas_cumprod();  // (1000)

/// One step of DDIM, from `timestep` to the one after it.
struct DdimStep {
  int64_t timestep;
  float alpha;       // alphas_cumprod here
  float alpha_prev;  // and where the step leads
  float sigma;       // how much new noise it adds
};

/// The timesteps in rising order. Throws bad_argument for steps outside 1 to 999, and under
/// `official` for those at which the official code fails, since its list contains 1000.
std::vector<int64_t> ddim_timesteps(int64_t steps, ScheduleKind kind);

/// The steps in the order walked, the noisiest first. `alphas_cumprod` (1000) is the default or a
/// checkpoint's, named `source` in messages: bad_file unless it falls from below 1 to above 0.
/// `eta` is 0 (no new noise) or more, at most what leaves the step's variance positive; 1 is DDPM.
/// J. Song and others, "Denoising diffusion implicit models" (2021), formulas 12 and 16.
std::vector<DdimStep> ddim_steps(std::span<const float> alphas_cumprod, int64_t steps,
                                 ScheduleKind kind, double eta,
                                 const std::string& source = "alphas_cumprod");

}  // namespace drypoint
