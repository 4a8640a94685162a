// Which noise levels a walk visits.
#pragma once

#include <vector>

#include "diffusion/schedules/noise_schedule.h"
#include "drypoint/sampling.h"

namespace drypoint {

/// The levels of a walk of `steps` steps, the noisiest first: one for each step (`ddim` and
/// `official` may have more), and the one where the last step leads: `end`, or for `kl_optimal` the
/// last of its own. `steps` are 1 to 1000. Throws bad_argument where a schedule's list leaves the
/// trained levels.
std::vector<NoiseLevel> make_levels(ScheduleKind kind, int64_t steps, const NoiseSchedule& trained,
                                    NoiseLevel end = kNoNoise);

// As sigmas, the largest first. `low` and `high` are the smallest and the largest trained sigma.

/// T. Karras and others, "Elucidating the design space of diffusion-based generative models"
/// (2022), formula 5.
std::vector<double> karras_sigmas(int64_t count, double low, double high, double rho = 7);
/// Even in log(sigma).
std::vector<double> exponential_sigmas(int64_t count, double low, double high);
/// A power of rho in log(sigma).
std::vector<double> polyexponential_sigmas(int64_t count, double low, double high, double rho = 1);
/// Quantiles of the beta distribution over sigma, as in the web UI and diffusers (ComfyUI has them
/// over timesteps). T. Lee and others, "Beta sampling is all you need" (2024).
std::vector<double> beta_sigmas(int64_t count, double low, double high, double alpha = 0.6,
                                double beta = 0.6);
/// A. Sabour and others, "Align your steps" (2024): the table for Stable Diffusion 1.5,
/// interpolated in log(sigma).
std::vector<double> align_your_steps_sigmas(int64_t count);
/// Even in arctan(sigma), `count` + 1 of them. A. Sabour and others (2024), formula 50.
std::vector<double> kl_optimal_sigmas(int64_t count, double low, double high);

// As timesteps, the largest first.

/// Even from 999 to 0, fractions too.
std::vector<double> uniform_timesteps(int64_t count);
/// The same without the end.
std::vector<double> sgm_uniform_timesteps(int64_t count);
/// Every (1000 / count)-th trained level from the last on.
std::vector<double> simple_timesteps(int64_t count);
/// 1, 1 + s, 1 + 2 s ..., s = 1000 / count rounded down: those of `exact` are cut to `count`, those
/// of `official` and `ddim` go on to the end; `official` fails as the official code does where they
/// reach 1000.
std::vector<double> ddim_timesteps(int64_t count, ScheduleKind kind);
/// diffusers' spacings; its "leading" is `exact`. S. Lin and others, "Common diffusion noise
/// schedules and sample steps are flawed" (2023), table 2.
std::vector<double> trailing_timesteps(int64_t count);
std::vector<double> linspace_timesteps(int64_t count);
/// The web UI's for DDIM and its kin: those of `ddim`, and 1000 / count more of them where they
/// come to 1000, which is cut to 999.
std::vector<double> web_ui_timesteps(int64_t count);
/// ComfyUI's beta: its quantiles over timesteps, rounded; such as come again are left out.
std::vector<double> comfy_beta_timesteps(int64_t count, double alpha = 0.6, double beta = 0.6);
/// `count` of 999, 979, 959 ... 19; at most 50.
std::vector<double> lcm_timesteps(int64_t count);

}  // namespace drypoint
