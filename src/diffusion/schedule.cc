#include "diffusion/schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace drypoint {

std::vector<float> default_alphas_cumprod() {
  const double first = std::sqrt(0.00085), last = std::sqrt(0.012);
  std::vector<float> alphas(kNoiseLevels);
  double product = 1;
  for (int t = 0; t < kNoiseLevels; ++t) {
    const double root = first + t * ((last - first) / (kNoiseLevels - 1));
    product *= 1 - root * root;
    alphas[static_cast<size_t>(t)] = static_cast<float>(product);
  }
  return alphas;
}

std::vector<int64_t> ddim_timesteps(int64_t steps, ScheduleKind kind) {
  if (steps < 1 || steps >= kNoiseLevels)
    fail(ErrorKind::bad_argument, "--steps {}: expected 1 to {}", steps, kNoiseLevels - 1);
  const int64_t stride = kNoiseLevels / steps;
  if (kind == ScheduleKind::official && (kNoiseLevels - 1) % stride == 0)
    fail(ErrorKind::bad_argument,
         "--steps {} --schedule official: the official list would end at noise level 1000 of 0 to "
         "999; choose another number of steps or --schedule exact",
         steps);
  const int64_t count = kind == ScheduleKind::exact ? steps : (kNoiseLevels + stride - 1) / stride;
  std::vector<int64_t> timesteps;
  for (int64_t i = 0; i < count; ++i) timesteps.push_back(i * stride + 1);
  return timesteps;
}

std::vector<DdimStep> ddim_steps(std::span<const float> alphas_cumprod, int64_t steps,
                                 ScheduleKind kind, double eta, const std::string& source) {
  const std::vector<int64_t> timesteps = ddim_timesteps(steps, kind);
  if (!std::isfinite(eta) || eta < 0)
    fail(ErrorKind::bad_argument, "--eta {}: expected a finite number, 0 or more", eta);
  if (alphas_cumprod.size() != kNoiseLevels)
    fail(ErrorKind::bad_file, "{}: has {} values, expected {}", source, alphas_cumprod.size(),
         kNoiseLevels);
  for (size_t t = 0; t < kNoiseLevels; ++t)
    if (!(alphas_cumprod[t] > 0 && alphas_cumprod[t] < (t ? alphas_cumprod[t - 1] : 1.0f)))
      fail(ErrorKind::bad_file, "{}: value {} is {}, expected values that fall from 1 to 0", source,
           t, alphas_cumprod[t]);

  std::vector<DdimStep> result;
  int64_t previous = 0;
  for (const int64_t t : timesteps) {
    const float alpha = alphas_cumprod[static_cast<size_t>(t)];
    const float alpha_prev = alphas_cumprod[static_cast<size_t>(previous)];
    const double sigma = eta * std::sqrt((1 - double{alpha_prev}) / (1 - double{alpha})) *
                         std::sqrt(1 - double{alpha} / double{alpha_prev});
    if (!(sigma * sigma <= 1 - double{alpha_prev}))
      fail(ErrorKind::bad_argument,
           "--eta {}: adds more noise at step {} than there may be; expected less", eta, t);
    result.push_back({t, alpha, alpha_prev, static_cast<float>(sigma)});
    previous = t;
  }
  std::reverse(result.begin(), result.end());
  return result;
}

}  // namespace drypoint
