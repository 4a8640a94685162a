// Karras and others (2022), algorithm 2: the mean of the slopes at both ends of a step.
#include "diffusion/samplers/noise_steps.h"

namespace drypoint {

Latent heun(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const auto [churned, level] = churn(table, walk, i, x);
    const double next = walk.sigma(i + 1), way = next - level.sigma();
    const Latent slope = (churned - table.denoise(churned, level)) / level.sigma();
    x = churned + way * slope;
    if (next == 0) continue;
    const Latent next_slope = (x - table.denoise(x, walk.level(i + 1))) / next;
    x = churned + way / 2 * (slope + next_slope);
  }
  return walk.end(x);
}

}  // namespace drypoint
