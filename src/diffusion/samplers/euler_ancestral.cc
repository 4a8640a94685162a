// Euler's step to less noise than the next level has, then fresh noise.
#include "diffusion/samplers/noise_steps.h"

namespace drypoint {

Latent euler_ancestral(TableBuilder& table, const Walk& walk) {
  const SamplerSettings& settings = walk.settings;
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const double sigma = walk.sigma(i), next = walk.sigma(i + 1);
    const Latent clean = table.denoise(x, walk.level(i));
    const auto [down, up] = ancestral_step(sigma, next, settings.eta);
    x = x + (down - sigma) / sigma * (x - clean);
    if (next > 0) x = x + settings.s_noise * up * table.draw(sigma, next);
  }
  return walk.end(x);
}

}  // namespace drypoint
