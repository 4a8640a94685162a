#include "diffusion/schedules/schedules.h"

#include <cmath>

#include "base/error.h"

namespace drypoint {
namespace {

std::vector<NoiseLevel> at_timesteps(const std::vector<double>& timesteps,
                                     const NoiseSchedule& trained) {
  std::vector<NoiseLevel> levels;
  for (const double timestep : timesteps) levels.push_back(trained.at_timestep(timestep));
  return levels;
}

std::vector<NoiseLevel> at_sigmas(const std::vector<double>& sigmas, const NoiseSchedule& trained) {
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) levels.push_back(trained.at_sigma(sigma));
  return levels;
}

std::vector<NoiseLevel> levels_of(ScheduleKind kind, int64_t steps, const NoiseSchedule& trained) {
  const double low = trained.sigma(0), high = trained.with_finite_sigmas().sigma(kNoiseLevels - 1);
  switch (kind) {
    case ScheduleKind::exact:
    case ScheduleKind::official:
    case ScheduleKind::ddim: return at_timesteps(ddim_timesteps(steps, kind), trained);
    case ScheduleKind::trailing: return at_timesteps(trailing_timesteps(steps), trained);
    case ScheduleKind::linspace: return at_timesteps(linspace_timesteps(steps), trained);
    case ScheduleKind::uniform: return at_timesteps(uniform_timesteps(steps), trained);
    case ScheduleKind::sgm_uniform: return at_timesteps(sgm_uniform_timesteps(steps), trained);
    case ScheduleKind::simple: return at_timesteps(simple_timesteps(steps), trained);
    case ScheduleKind::karras:
    case ScheduleKind::exponential:
    case ScheduleKind::polyexponential:
    case ScheduleKind::beta: return at_sigmas(sigmas_between(kind, steps, low, high), trained);
    case ScheduleKind::align_your_steps: return at_sigmas(align_your_steps_sigmas(steps), trained);
    case ScheduleKind::lcm: return at_timesteps(lcm_timesteps(steps), trained);
    case ScheduleKind::automatic: break;
    case ScheduleKind::kl_optimal: return at_sigmas(kl_optimal_sigmas(steps, low, high), trained);
  }
  fail(ErrorKind::internal, "schedule {}", static_cast<int>(kind));
}

}  // namespace

std::vector<double> sigmas_between(ScheduleKind kind, int64_t count, double low, double high) {
  if (count < 1 || count > kNoiseLevels)
    fail(ErrorKind::bad_argument, "count: {}, expected 1 to {}", count, kNoiseLevels);
  if (!(low > 0 && low <= high && high < INFINITY))
    fail(ErrorKind::bad_argument, "low, high: {}, {}, expected finite numbers above 0 that grow",
         low, high);
  switch (kind) {
    case ScheduleKind::karras: return karras_sigmas(count, low, high);
    case ScheduleKind::exponential: return exponential_sigmas(count, low, high);
    case ScheduleKind::polyexponential: return polyexponential_sigmas(count, low, high);
    case ScheduleKind::beta: return beta_sigmas(count, low, high);
    default:
      fail(ErrorKind::bad_argument,
           "schedule: expected karras, exponential, polyexponential or beta");
  }
}

std::vector<NoiseLevel> make_levels(ScheduleKind kind, int64_t steps, const NoiseSchedule& trained,
                                    NoiseLevel end) {
  DRYPOINT_EXPECT(steps >= 1 && steps <= kNoiseLevels, "{} steps", steps);
  auto levels = levels_of(kind, steps, trained);
  if (kind != ScheduleKind::kl_optimal) levels.push_back(end);
  return levels;
}

}  // namespace drypoint
