// DPM-Solver++(2M) for the stochastic differential equation.
#include <cmath>
#include <optional>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent dpmpp_2m_sde(TableBuilder& table, const Walk& walk) {
  const SamplerSettings& settings = walk.settings;
  Latent x = walk.begin(table);
  std::optional<Latent> last;
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const double sigma = walk.sigma(i), next = walk.sigma(i + 1);
    const Latent clean = table.denoise(x, walk.level(i));
    if (next == 0) {
      x = clean;
      continue;
    }
    const double h = walk.log_way(i), noisy_h = settings.eta * h;
    const double toward = -std::expm1(-h - noisy_h);
    x = next / sigma * std::exp(-noisy_h) * x + toward * clean;
    if (walk.order(i) > 1) {
      const double r = walk.log_way(i - 1) / h;
      const double share =
          settings.solver == Solver::heun ? toward / (-h - noisy_h) + 1 : toward / 2;
      x = x + share / r * (clean - *last);
    }
    if (settings.eta > 0)
      x = x +
          settings.s_noise * next * std::sqrt(-std::expm1(-2 * noisy_h)) * table.draw(sigma, next);
    last = clean;
  }
  return walk.end(x);
}

}  // namespace drypoint
