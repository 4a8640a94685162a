#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "diffusion/schedules/schedules.h"

namespace drypoint {
namespace {

constexpr double kLast = kNoiseLevels - 1;

template <class Value>
std::vector<double> timesteps_of(int64_t count, const Value& value) {
  std::vector<double> timesteps;
  for (int64_t i = 0; i < count; ++i) timesteps.push_back(value(static_cast<double>(i)));
  return timesteps;
}

}  // namespace

std::vector<double> uniform_timesteps(int64_t count) {
  return timesteps_of(count, [&](double i) {
    return count > 1 ? kLast * (1 - i / static_cast<double>(count - 1)) : kLast;
  });
}

std::vector<double> sgm_uniform_timesteps(int64_t count) {
  return timesteps_of(count,
                      [&](double i) { return kLast * (1 - i / static_cast<double>(count)); });
}

std::vector<double> simple_timesteps(int64_t count) {
  return timesteps_of(count, [&](double i) {
    return kLast - std::floor(i * (static_cast<double>(kNoiseLevels) / static_cast<double>(count)));
  });
}

std::vector<double> ddim_timesteps(int64_t count, ScheduleKind kind) {
  const int64_t stride = kNoiseLevels / count;
  if (kind == ScheduleKind::official && (kNoiseLevels - 1) % stride == 0)
    fail(ErrorKind::bad_argument,
         "steps: {}, with schedule official: its list would end at noise level 1000 of 0 to 999; "
         "choose another number of steps or schedule exact",
         count);
  const int64_t all = kind == ScheduleKind::exact ? count : (kNoiseLevels - 2) / stride + 1;
  auto timesteps = timesteps_of(all, [&](double i) { return i * static_cast<double>(stride) + 1; });
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

std::vector<double> web_ui_timesteps(int64_t count) {
  const int64_t stride = kNoiseLevels / count, all = (kNoiseLevels - 1) / stride + 1;
  auto timesteps = timesteps_of(
      all, [&](double i) { return std::min(i * static_cast<double>(stride) + 1, kLast); });
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

std::vector<double> trailing_timesteps(int64_t count) {
  const double stride = static_cast<double>(kNoiseLevels) / static_cast<double>(count);
  // Halves are rounded to even, as numpy does.
  return timesteps_of(count,
                      [&](double i) { return std::nearbyint(kNoiseLevels - i * stride) - 1; });
}

std::vector<double> lcm_timesteps(int64_t count) {
  constexpr int64_t trained = 50, stride = kNoiseLevels / trained;
  if (count > trained)
    fail(ErrorKind::bad_argument, "steps: {}, expected 1 to {} with schedule lcm", count, trained);
  return timesteps_of(count, [&](double i) {
    const double at = std::floor(i * (static_cast<double>(trained) / static_cast<double>(count)));
    return (trained - at) * static_cast<double>(stride) - 1;
  });
}

std::vector<double> linspace_timesteps(int64_t count) {
  auto timesteps = uniform_timesteps(count);
  for (double& timestep : timesteps) timestep = std::nearbyint(timestep);
  return timesteps;
}

}  // namespace drypoint
