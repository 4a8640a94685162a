// DPM-Solver++(3M) for the stochastic differential equation.
#include <cmath>
#include <optional>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent dpmpp_3m_sde(TableBuilder& table, const Walk& walk) {
  const SamplerSettings& settings = walk.settings;
  Latent x = walk.begin(table);
  std::optional<Latent> last, one_before;
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const double sigma = walk.sigma(i), next = walk.sigma(i + 1);
    const Latent clean = table.denoise(x, walk.level(i));
    if (next == 0) {
      x = clean;
      continue;
    }
    const double h = walk.log_way(i), noisy_h = h * (settings.eta + 1);
    const double phi_2 = std::expm1(-noisy_h) / noisy_h + 1, phi_3 = phi_2 / noisy_h - 0.5;
    x = std::exp(-noisy_h) * x - std::expm1(-noisy_h) * clean;
    if (one_before) {
      const double r0 = walk.log_way(i - 1) / h, r1 = walk.log_way(i - 2) / h;
      const Latent d0 = (clean - *last) / r0, d1 = (*last - *one_before) / r1;
      const Latent second = (d0 - d1) / (r0 + r1);
      x = x + phi_2 * (d0 + r0 * second) - phi_3 * second;
    } else if (last) {
      x = x + phi_2 * h / walk.log_way(i - 1) * (clean - *last);
    }
    if (settings.eta > 0)
      x = x + settings.s_noise * next * std::sqrt(-std::expm1(-2 * h * settings.eta)) *
                  table.draw(sigma, next);
    one_before = last;
    last = clean;
  }
  return walk.end(x);
}

}  // namespace drypoint
