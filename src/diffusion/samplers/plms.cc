// L. Liu and others, "Pseudo numerical methods for diffusion models on manifolds" (2022), linear
// multistep, begun with Heun's second-order step.
#include <deque>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent plms(TableBuilder& table, const Walk& walk) {
  Latent x = table.start();
  std::deque<Latent> outputs;  // the latest first
  // diffusers has the second timesteps twice, for Heun's step: begun behind its first occurrence,
  // what follows Heun's step takes the sample for one of the next level.
  const bool is_ahead = walk.skipped.size() > 1;
  for (int i = 0; i < walk.steps(); i += i == 0 && is_ahead ? 2 : 1) {
    table.begin_step();
    const NoiseLevel &here = walk.level(i), &next = walk.level(i + 1);
    const auto step = [&](Latent output) {
      const auto [clean, noise] = table.parts(x, output, here);
      return next.signal * clean + next.noise * noise;
    };
    outputs.push_front(table.evaluate(x, here));
    const auto& e = outputs;
    switch (e.size()) {
      case 1:
        x = walk.steps() == 1 ? step(e[0]) : step((e[0] + table.evaluate(step(e[0]), next)) / 2);
        break;
      case 2: x = step(1.5 * e[0] - 0.5 * e[1]); break;
      case 3: x = step((23 * e[0] - 16 * e[1] + 5 * e[2]) / 12); break;
      default: x = step((55 * e[0] - 59 * e[1] + 37 * e[2] - 9 * e[3]) / 24); outputs.pop_back();
    }
  }
  return x;
}

}  // namespace drypoint
