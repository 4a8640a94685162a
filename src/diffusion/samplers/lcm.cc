// S. Luo and others, "Latent consistency models" (2023), algorithm 3: the clean latent at once,
// then fresh noise up to the next level.
#include <cmath>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent lcm(TableBuilder& table, const Walk& walk) {
  constexpr double sigma_data = 0.5, timestep_scale = 10;
  Latent x = table.start();
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const NoiseLevel &here = walk.level(i), &next = walk.level(i + 1);
    const double t = timestep_scale * here.timestep, both = std::hypot(t, sigma_data);
    x = t / both * table.predict(x, here).clean + std::pow(sigma_data / both, 2) * x;
    if (i + 1 < walk.steps())
      x = next.signal * x + next.noise * table.draw(here.sigma(), next.sigma());
  }
  return x;
}

}  // namespace drypoint
