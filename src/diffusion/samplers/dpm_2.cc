// DPM-Solver-2 (https://arxiv.org/abs/2206.00927): the slope at the middle of log(sigma).
#include <cmath>

#include "diffusion/samplers/noise_steps.h"

namespace drypoint {
namespace {

/// From a sample at `level`, whose slope is known, to sigma `down`.
Latent midpoint_step(TableBuilder& table, const Walk& walk, Latent x, Latent slope,
                     const NoiseLevel& level, double down) {
  const NoiseLevel middle = walk.trained.at_sigma(std::sqrt(level.sigma() * down));
  const Latent halfway = x + (middle.sigma() - level.sigma()) * slope;
  const Latent middle_slope = (halfway - table.denoise_between(halfway, middle)) / middle.sigma();
  return x + (down - level.sigma()) * middle_slope;
}

}  // namespace

Latent dpm_2(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const auto [churned, level] = churn(table, walk, i, x);
    const double next = walk.sigma(i + 1);
    const Latent slope = (churned - table.denoise(churned, level)) / level.sigma();
    x = next == 0 ? churned + (next - level.sigma()) * slope
                  : midpoint_step(table, walk, churned, slope, level, next);
  }
  return walk.end(x);
}

Latent dpm_2_ancestral(TableBuilder& table, const Walk& walk) {
  const SamplerSettings& settings = walk.settings;
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const double sigma = walk.sigma(i), next = walk.sigma(i + 1);
    const auto [down, up] = ancestral_step(sigma, next, settings.eta);
    const Latent slope = (x - table.denoise(x, walk.level(i))) / sigma;
    if (down == 0) {
      x = x - sigma * slope;
      continue;
    }
    x = midpoint_step(table, walk, x, slope, walk.level(i), down);
    x = x + settings.s_noise * up * table.draw(sigma, next);
  }
  return walk.end(x);
}

}  // namespace drypoint
