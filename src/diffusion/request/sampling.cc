#include "diffusion/request/sampling.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "diffusion/request/compat.h"
#include "diffusion/schedules/schedules.h"

namespace drypoint {
namespace {

void expect_not_negative(std::string_view name, double value) {
  if (!std::isfinite(value) || value < 0)
    fail(ErrorKind::bad_argument, "{}: {}, expected a finite number from 0", name, value);
}

/// A setting that the sampler would pass over is refused, lest one trust in it.
void check(const Request& request, const NamedSampler& sampler) {
  const auto refuse = [&](std::string_view name, double value) {
    fail(ErrorKind::bad_argument, "{}: {}, but the sampler {} has no use for it", name, value,
         sampler.name);
  };
  const double eta = request.eta.value_or(0);
  expect_not_negative("eta", eta);
  if (request.eta && !sampler.eta) refuse("eta", eta);
  if (sampler.function == tcd && eta > 1)
    fail(ErrorKind::bad_argument, "eta: {}, expected 0 to 1 with the sampler {}", eta,
         sampler.name);
  const std::pair<std::string_view, double> churn[] = {
      {"s_churn", request.s_churn}, {"s_tmin", request.s_tmin}, {"s_tmax", request.s_tmax}};
  for (const auto& [name, value] : churn) {
    expect_not_negative(name, value);
    if (value != 0 && !sampler.churn) refuse(name, value);
  }
  const auto refuse_choice = [&](std::string_view name) {
    fail(ErrorKind::bad_argument, "{}: the sampler {} has no such choice", name, sampler.name);
  };
  if (request.solver_order > sampler.highest_order) refuse("solver_order", request.solver_order);
  if (request.solver_type != Solver::automatic &&
      std::ranges::find(sampler.solvers, request.solver_type) == sampler.solvers.end())
    refuse_choice("solver_type");
  if (request.lower_order_final != LowerOrder::automatic && !sampler.lower_order_final)
    refuse_choice("lower_order_final");
  if (request.first_noise != FirstNoise::automatic &&
      (sampler.takes_no_signal || sampler.begins_whole))
    refuse_choice("first_noise");
  expect_not_negative("s_noise", request.s_noise);
  if (request.s_noise != 1 && !sampler.s_noise && !sampler.churn)
    refuse("s_noise", request.s_noise);
}

/// Finite, falling from `highest` or below to 0 or above, and `count` of them.
void expect_falling(std::string_view name, const std::vector<double>& values, int count,
                    double highest, bool strictly) {
  if (std::ssize(values) != count)
    fail(ErrorKind::bad_argument, "{}: {} numbers, expected {} for so many steps", name,
         values.size(), count);
  for (size_t i = 0; i < values.size(); ++i)
    if (!(values[i] >= 0 && values[i] <= highest) ||
        (i > 0 && !(values[i] < values[i - 1] || (!strictly && values[i] == values[i - 1]))))
      fail(ErrorKind::bad_argument, "{}: {} as number {}, expected numbers that fall from {} to 0",
           name, values[i], i + 1, highest);
}

/// Those that the request tells one by one.
std::vector<NoiseLevel> told_levels(const Request& request, const WalkPart& part,
                                    const NoiseSchedule& trained, const NamedSampler& sampler) {
  const auto &timesteps = request.timesteps, &sigmas = request.sigmas;
  if (request.schedule != ScheduleKind::automatic)
    fail(ErrorKind::bad_argument, "schedule: {}, with timesteps or sigmas, expected automatic",
         name(request.schedule));
  std::vector<NoiseLevel> levels;
  if (!timesteps.empty()) {
    expect_falling("timesteps", timesteps, part.steps, kNoiseLevels - 1,
                   /*strictly=*/sigmas.empty());
    for (const double timestep : timesteps) levels.push_back(trained.at_timestep(timestep));
    levels.push_back(sampler.ends_at_first_level ? trained.at(0) : kNoNoise);
  }
  if (sigmas.empty()) return levels;
  if (sampler.takes_no_signal)
    fail(ErrorKind::bad_argument, "sigmas: the sampler {} walks over timesteps, expected those",
         sampler.name);
  expect_falling("sigmas", sigmas, part.steps + 1, 1e6, /*strictly=*/true);
  levels.clear();
  for (const double sigma : sigmas) levels.push_back(trained.at_sigma(sigma));
  for (size_t i = 0; i < timesteps.size(); ++i) levels[i].timestep = timesteps[i];
  return levels;
}

/// Of a schedule, or told one by one.
std::vector<NoiseLevel> levels_for(const Request& request, const WalkPart& part,
                                   const NoiseSchedule& trained, const NamedSampler& sampler,
                                   ScheduleKind schedule) {
  if (!request.timesteps.empty() || !request.sigmas.empty())
    return told_levels(request, part, trained, sampler);
  const bool spaced = schedule == ScheduleKind::exact || schedule == ScheduleKind::linspace;
  const bool one_more = sampler.leaves_out_last_but_one || (sampler.leaves_out_last && spaced);
  auto levels = levels_as_in(request.compat, sampler, schedule, part.steps + one_more, trained,
                             sampler.ends_at_first_level ? trained.at(0) : kNoNoise);
  if (one_more) levels.erase(levels.end() - 2);
  return levels;
}

/// The sampler's own settings, and what a request says of them.
SamplerSettings settings_for(const Request& request, const NamedSampler& sampler, int steps) {
  SamplerSettings settings = sampler.settings;
  if (request.eta) settings.eta = *request.eta;
  settings.s_noise = request.s_noise;
  settings.s_churn = request.s_churn;
  settings.s_tmin = request.s_tmin;
  if (request.s_tmax > 0) settings.s_tmax = request.s_tmax;
  if (request.solver_order > 0) settings.order = request.solver_order;
  if (request.solver_type != Solver::automatic) settings.solver = request.solver_type;
  if (request.lower_order_final != LowerOrder::automatic)
    settings.lower_order_final = request.lower_order_final;
  if (settings.lower_order_final == LowerOrder::on && steps >= 15)  // as in diffusers
    settings.lower_order_final = LowerOrder::off;
  return settings;
}

/// diffusers' schedulers/scheduling_ddim.py: a step goes back by the whole part of 1000 / steps,
/// whatever the spacing; before the first trained level it ends there.
std::vector<NoiseLevel> ddim_ends(const Walk& walk, int steps) {
  std::vector<NoiseLevel> ends;
  const int back = kNoiseLevels / steps;
  for (int i = 0; i < walk.steps(); ++i)
    ends.push_back(walk.trained.at_timestep(walk.level(i).timestep - back));
  return ends;
}

/// Leaves out what comes before the part, and begins with a latent if it says so.
void cut(Walk& walk, const WalkPart& part, const NamedSampler& sampler, const Request& request) {
  if (part.first > 0 && walk.steps() != part.steps)
    fail(ErrorKind::bad_argument,
         "compat: {} steps are {} of sampler {} there, so that a part of them is another; expected "
         "auto with an initial picture",
         part.steps, walk.steps(), sampler.name);
  const auto begin = walk.levels.begin() + part.first;
  if (request.compat == CompatKind::diffusers) walk.skipped.assign(walk.levels.begin(), begin);
  // Of PLMS's timesteps in diffusers the second stands there twice.
  const bool is_second_again = sampler.function == plms && walk.skipped.size() > 1;
  walk.levels.erase(walk.levels.begin(), begin - is_second_again);
  const NoiseLevel& level = walk.level(0);
  double noise_sigma = level.sigma();
  walk.start_sigma = sampler.begins_whole ? 1 / level.signal : noise_sigma;
  if (request.first_noise == FirstNoise::automatic &&
      begins_whole_in(request.compat, noise_sigma, walk.trained))
    walk.start_sigma = noise_sigma = std::hypot(1, noise_sigma);
  if (!part.from_latent) {
    if (request.first_noise == FirstNoise::whole) walk.start_sigma = std::hypot(1, noise_sigma);
    return;
  }
  // Samplers over signal and noise begin with the level's sample itself, others with start_sigma
  // times what stands for the noise.
  walk.start = sampler.takes_no_signal
                   ? WalkStart{level.noise, level.signal}
                   : WalkStart{noise_sigma / walk.start_sigma, 1 / walk.start_sigma};
}

Walk walk_for(const Request& request, const WalkPart& part, const NoiseSchedule& trained,
              const NamedSampler& sampler, ScheduleKind schedule) {
  Walk walk{.trained = trained,
            .levels = levels_for(request, part, trained, sampler, schedule),
            .settings = settings_for(request, sampler, part.steps),
            .start_sigma = 1};
  cut(walk, part, sampler, request);
  if (sampler.function == ddim &&
      (schedule == ScheduleKind::trailing || schedule == ScheduleKind::linspace ||
       !request.timesteps.empty()))
    walk.ends = ddim_ends(walk, part.steps);
  if (sampler.begins_whole) walk.end_scale = walk.levels.back().signal;
  return walk;
}

/// `walked` steps at the end of a walk that is as much longer as the strength says.
WalkPart end_of_walk(int walked, double strength) {
  const double steps = strength > 0 ? walked / strength : kNoiseLevels;
  if (steps >= kNoiseLevels)
    fail(ErrorKind::bad_argument,
         "denoising_strength: {} makes {} steps a part of {:.0f}, expected at most {}", strength,
         walked, steps, kNoiseLevels - 1);
  return {static_cast<int>(steps), static_cast<int>(steps) - walked, true};
}

}  // namespace

PaintingRule painting_rule(const Request& request) {
  if (request.painting_rule != PaintingRule::automatic) return request.painting_rule;
  if (request.soft_inpainting) return PaintingRule::a1111;
  if (request.compat == CompatKind::comfy && request.mask.pixels.empty() &&
      request.outpaint == Margins())
    return PaintingRule::comfy;
  const NamedSampler& sampler = choose_sampler(request.sampler, request.schedule).sampler;
  return sampler.takes_no_signal || sampler.begins_whole ? PaintingRule::diffusers
                                                         : PaintingRule::a1111;
}

WalkPart walk_part(const Request& request) {
  const int steps = request.steps;
  const double strength = request.denoising_strength;
  if (request.init_image.pixels.empty()) return {steps};
  if (painting_rule(request) == PaintingRule::comfy) return end_of_walk(steps, strength);
  if (painting_rule(request) == PaintingRule::a1111)
    return {steps, steps - static_cast<int>(std::min(strength, 0.999) * steps) - 1, true};
  const int first = steps - std::min(static_cast<int>(steps * strength), steps);
  if (first == steps)
    fail(ErrorKind::bad_argument,
         "denoising_strength: {} of {} steps is none of them, expected {:.4g} or more", strength,
         steps, 1.0 / steps);
  const bool noise_alone = !request.mask.pixels.empty() && strength == 1;
  return {steps, first, !noise_alone};
}

/// As the web UI: as many steps as asked for are walked, of so many more as the strength says.
WalkPart second_walk_part(const Request& request) {
  const int walked = request.hires_steps > 0 ? request.hires_steps : request.steps;
  const bool as_comfy = request.compat == CompatKind::comfy;
  return end_of_walk(walked, std::min(request.denoising_strength, as_comfy ? 1 : 0.999));
}

SamplerTable make_table(Sampler sampler, const Walk& walk, Prediction prediction) {
  TableBuilder table(prediction, walk.start);
  return table.finish(sampler(table, walk));
}

SamplerTable sampler_table(const Request& request, const NoiseSchedule& trained,
                           Prediction prediction) {
  return sampler_table(request, walk_part(request), trained, prediction);
}

SamplerTable sampler_table(const Request& request, const WalkPart& part,
                           const NoiseSchedule& trained, Prediction prediction) {
  if (request.steps < 1 || request.steps >= kNoiseLevels)
    fail(ErrorKind::bad_argument, "steps: {}, expected 1 to {}", request.steps, kNoiseLevels - 1);
  const auto [sampler, schedule] = sampler_of(request);
  check(request, sampler);
  const NoiseSchedule walked =
      sampler.takes_no_signal ? trained : with_finite_sigmas_in(request.compat, trained);
  SamplerTable table =
      make_table(sampler.function, walk_for(request, part, walked, sampler, schedule), prediction);
  table.brownian = sampler.brownian && has_brownian_noise(request.compat);
  return table;
}

}  // namespace drypoint
