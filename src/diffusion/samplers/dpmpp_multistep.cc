// DPM-Solver++ with several steps (https://arxiv.org/abs/2211.01095): the clean latent as a
// polynomial through the last ones. Of order 2: DPM++ 2M.
#include <deque>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent dpmpp_multistep(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  std::deque<Latent> clean;  // the latest first
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    clean.push_front(table.denoise(x, walk.level(i)));
    const double kept = walk.sigma(i + 1) / walk.sigma(i), h = walk.log_way(i);
    const double toward = 1 - kept;
    x = kept * x + toward * clean[0];
    const int order = walk.order(i);
    if (order == 1 || walk.sigma(i + 1) == 0) continue;
    const double r0 = walk.log_way(i - 1) / h, phi_2 = 1 - toward / h;
    const Latent d0 = (clean[0] - clean[1]) / r0;
    if (order == 2) {
      x = x + (walk.settings.solver == Solver::heun ? phi_2 : toward / 2) * d0;
      continue;
    }
    const double r1 = walk.log_way(i - 2) / h, phi_3 = phi_2 / h - 0.5;
    const Latent d1 = (clean[1] - clean[2]) / r1, second = (d0 - d1) / (r0 + r1);
    x = x + phi_2 * (d0 + r0 * second) - phi_3 * second;
  }
  return walk.end(x);
}

}  // namespace drypoint
