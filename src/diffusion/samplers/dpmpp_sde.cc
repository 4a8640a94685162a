// DPM-Solver++ (https://arxiv.org/abs/2211.01095) as k-diffusion makes it stochastic: fresh noise
// at the middle of a step and at its end.
#include <cmath>

#include "diffusion/samplers/noise_steps.h"

namespace drypoint {

Latent dpmpp_sde(TableBuilder& table, const Walk& walk) {
  const SamplerSettings& settings = walk.settings;
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const double sigma = walk.sigma(i), next = walk.sigma(i + 1);
    const Latent clean = table.denoise(x, walk.level(i));
    if (next == 0) {
      x = clean;
      continue;
    }
    const auto step_to = [&](double target, Latent toward) {
      const auto [down, up] = ancestral_step(sigma, target, settings.eta);
      return down / sigma * x + (1 - down / sigma) * toward +
             settings.s_noise * up * table.draw(sigma, target);
    };
    const NoiseLevel middle = walk.trained.at_sigma(std::sqrt(sigma * next));
    const Latent middle_clean = table.denoise_between(step_to(middle.sigma(), clean), middle);
    x = step_to(next, middle_clean);
  }
  return walk.end(x);
}

}  // namespace drypoint
