// DPM-Solver++(2S) (https://arxiv.org/abs/2211.01095), to less noise than the next level has, then
// fresh noise.
#include <cmath>

#include "diffusion/samplers/noise_steps.h"

namespace drypoint {

Latent dpmpp_2s_ancestral(TableBuilder& table, const Walk& walk) {
  const SamplerSettings& settings = walk.settings;
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const double sigma = walk.sigma(i), next = walk.sigma(i + 1);
    const auto [down, up] = ancestral_step(sigma, next, settings.eta);
    Latent clean = table.denoise(x, walk.level(i));
    if (down > 0) {
      const NoiseLevel middle = walk.trained.at_sigma(std::sqrt(sigma * down));
      const double part = middle.sigma() / sigma;
      clean = table.denoise_between(part * x + (1 - part) * clean, middle);
    }
    x = down / sigma * x + (1 - down / sigma) * clean;
    if (next > 0) x = x + settings.s_noise * up * table.draw(sigma, next);
  }
  return walk.end(x);
}

}  // namespace drypoint
