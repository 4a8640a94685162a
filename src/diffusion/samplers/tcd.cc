// J. Zheng and others, "Trajectory consistency distillation" (2024), algorithm 4: to a level with
// less noise than the next, by gamma (eta here), then fresh noise up to it.
#include <algorithm>
#include <cmath>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent tcd(TableBuilder& table, const Walk& walk) {
  const double eta = walk.settings.eta;
  Latent x = table.start();
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const NoiseLevel &here = walk.level(i), &next = walk.level(i + 1);
    // In float32, as diffusers computes it.
    const float timestep = static_cast<float>(1 - eta) * static_cast<float>(next.timestep);
    const NoiseLevel less = walk.trained.at(static_cast<int>(timestep));
    const auto [clean, noise] = table.predict(x, here);
    x = less.signal * clean + less.noise * noise;
    if (eta == 0 || i + 1 == walk.steps()) continue;
    const double kept = std::min(1.0, next.signal / less.signal);
    x = kept * x + std::sqrt(1 - kept * kept) * table.draw(here.sigma(), next.sigma());
  }
  return x;
}

}  // namespace drypoint
