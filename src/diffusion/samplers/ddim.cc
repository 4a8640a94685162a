// J. Song and others, "Denoising diffusion implicit models" (2021), formulas 12 and 16.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent ddim(TableBuilder& table, const Walk& walk) {
  Latent x = table.start();
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const NoiseLevel &here = walk.level(i), &next = walk.end_of_step(i);
    const auto [clean, noise] = table.predict(x, here);
    // What of the signal is new at the next level: 1 - alpha / alpha'.
    const double fresh = walk.settings.eta * next.noise / here.noise *
                         std::sqrt(std::max(0.0, 1 - std::pow(here.signal / next.signal, 2)));
    const double kept = next.noise * next.noise - fresh * fresh;
    if (!(kept >= 0))
      fail(ErrorKind::bad_argument,
           "eta: {}, adds more noise at timestep {} than there may be, expected less",
           walk.settings.eta, here.timestep);
    x = next.signal * clean + std::sqrt(kept) * noise;
    if (walk.settings.eta > 0) x = x + fresh * table.draw(here.sigma(), next.sigma());
  }
  return x;
}

}  // namespace drypoint
