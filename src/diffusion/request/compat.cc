#include "diffusion/request/compat.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "diffusion/schedules/schedules.h"

namespace drypoint {
namespace {

/// ComfyUI computes these otherwise (comfy/extra_samplers/uni_pc.py, comfy/k_diffusion/sampling.py:
/// `sample_lcm`, deis.py), or has none.
constexpr std::array<std::string_view, 6> not_as_in_comfy{"PLMS", "UniPC", "DEIS",
                                                          "LCM",  "TCD",   "Restart"};

/// DDIM and its kin walk over trained timesteps in the web UI, whatever the schedule
/// (modules/sd_samplers_timesteps.py).
bool walks_timesteps(const NamedSampler& sampler) {
  return sampler.name == "DDIM" || sampler.name == "PLMS" || sampler.name == "UniPC";
}

/// From the first timestep to the last of the web UI's list, where the walk ends.
std::vector<NoiseLevel> web_ui_levels(const NamedSampler& sampler, int64_t steps,
                                      const NoiseSchedule& trained) {
  const auto timesteps = web_ui_timesteps(steps);
  std::vector<NoiseLevel> levels;
  if (sampler.name == "UniPC") {  // even in t, as many steps as the list is long
    const auto count = static_cast<int64_t>(timesteps.size());
    for (const double timestep : sgm_uniform_timesteps(count))
      levels.push_back(trained.at_timestep_by_signal(timestep));
    levels.push_back(trained.at(0));
    return levels;
  }
  if (timesteps.size() < 2)
    fail(
        ErrorKind::bad_argument,
        "steps: {}, expected at least 2 with the sampler {} as in the web UI, which walks from one "
        "timestep to the next",
        steps, sampler.name);
  for (const double timestep : timesteps) levels.push_back(trained.at_timestep(timestep));
  return levels;
}

NamedSampler sampler_as_in(CompatKind program, const NamedSampler& sampler) {
  NamedSampler own = sampler;
  if (program == CompatKind::a1111 && sampler.name == "UniPC") {
    own.settings.order = 3;
    own.settings.solver = Solver::bh1;
    own.leaves_out_last = false;
  }
  if (program == CompatKind::diffusers) {
    own.leaves_out_last_but_one = false;
    own.begins_whole |= sampler.lower_order_final;  // DPMSolverMultistepScheduler
  }
  if (program == CompatKind::comfy) {
    if (std::ranges::find(not_as_in_comfy, sampler.name) != not_as_in_comfy.end())
      fail(ErrorKind::bad_argument,
           "compat: \"comfy\", but the sampler {} is not here as ComfyUI computes it",
           sampler.name);
    if (sampler.name == "DDIM") {  // there it is Euler's
      own.function = euler;
      own.ends_at_first_level = own.takes_no_signal = own.eta = false;
    }
    if (sampler.name == "DPM++ 3M SDE") own.leaves_out_last_but_one = false;
  }
  return own;
}

}  // namespace

ChosenSampler sampler_of(const Request& request) {
  const SamplerChoice choice = choose_sampler(request.sampler, request.schedule);
  const bool normal = request.compat == CompatKind::comfy && !choice.schedule_was_asked;
  return {sampler_as_in(request.compat, choice.sampler),
          normal ? ScheduleKind::uniform : choice.schedule};
}

std::vector<NoiseLevel> levels_as_in(CompatKind program, const NamedSampler& sampler,
                                     ScheduleKind kind, int64_t steps, const NoiseSchedule& trained,
                                     NoiseLevel end) {
  if (program == CompatKind::a1111 && walks_timesteps(sampler) && kind == sampler.schedule)
    return web_ui_levels(sampler, steps, trained);
  std::vector<NoiseLevel> levels;
  if (program == CompatKind::comfy && kind == ScheduleKind::beta)
    for (const double timestep : comfy_beta_timesteps(steps))
      levels.push_back(trained.at_timestep(timestep));
  else if (program == CompatKind::comfy && kind == ScheduleKind::kl_optimal)
    for (const double sigma : kl_optimal_sigmas(
             steps - 1, trained.sigma(0), trained.with_finite_sigmas().sigma(kNoiseLevels - 1)))
      levels.push_back(trained.at_sigma(sigma));
  else
    return make_levels(kind, steps, trained, end);
  levels.push_back(end);
  return levels;
}

bool counts_in(CompatKind program, double start, double end, const SamplerTable& table,
               size_t number) {
  const SamplerTable::Row& row = table.rows[number];
  const bool by_rows = program == CompatKind::diffusers;
  const double i = by_rows ? static_cast<double>(number) : row.step;
  const double n = by_rows ? static_cast<double>(table.rows.size()) : table.steps;
  if (program == CompatKind::a1111) return start <= i / n && i / n <= end;
  if (program == CompatKind::comfy) {  // percent_to_sigma in comfy/model_sampling.py
    const double last = kNoiseLevels - 1;
    return (start <= 0 || row.timestep <= (1 - start) * last) &&
           (end >= 1 || row.timestep >= (1 - end) * last);
  }
  return !(i / n < start || (i + 1) / n > end);
}

NoiseSchedule with_finite_sigmas_in(CompatKind program, const NoiseSchedule& trained) {
  return program == CompatKind::diffusers ? trained.with_finite_sigmas(0x1p-24f)
                                          : trained.with_finite_sigmas();
}

bool begins_whole_in(CompatKind program, double sigma, const NoiseSchedule& trained) {
  return program == CompatKind::comfy &&
         sigma >= trained.with_finite_sigmas().sigma(kNoiseLevels - 1) * (1 - 1e-5);
}

bool rounds_pixels(CompatKind program) { return program == CompatKind::diffusers; }

bool has_brownian_noise(CompatKind program) {
  return program == CompatKind::a1111 || program == CompatKind::comfy;
}

}  // namespace drypoint
