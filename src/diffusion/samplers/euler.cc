// Karras and others (2022), algorithm 2 without its second order.
#include "diffusion/samplers/noise_steps.h"

namespace drypoint {

Latent euler(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const auto [churned, level] = churn(table, walk, i, x);
    const Latent clean = table.denoise(churned, level);
    const Latent slope = (churned - clean) / level.sigma();
    x = churned + (walk.sigma(i + 1) - level.sigma()) * slope;
  }
  return walk.end(x);
}

}  // namespace drypoint
