#include "diffusion/samplers/noise_steps.h"

#include <algorithm>
#include <cmath>

namespace drypoint {

AncestralStep ancestral_step(double from, double to, double eta) {
  if (eta == 0) return {to, 0};
  const double up =
      std::min(to, eta * std::sqrt(to * to * (from * from - to * to) / (from * from)));
  return {std::sqrt(to * to - up * up), up};
}

Churned churn(TableBuilder& table, const Walk& walk, int step, Latent x) {
  const SamplerSettings& settings = walk.settings;
  const double sigma = walk.sigma(step);
  if (settings.s_churn == 0) return {x, walk.level(step)};
  const Latent fresh = table.draw(sigma, sigma);
  if (sigma < settings.s_tmin || sigma > settings.s_tmax) return {x, walk.level(step)};
  const double gamma = std::min(settings.s_churn / walk.steps(), std::sqrt(2.0) - 1);
  const double churned = sigma * (gamma + 1);
  return {x + settings.s_noise * std::sqrt(churned * churned - sigma * sigma) * fresh,
          walk.trained.at_sigma(churned)};
}

}  // namespace drypoint
