// L. Liu and others, "Pseudo numerical methods for diffusion models on manifolds" (2022), linear
// multistep, begun with Heun's second-order step.
#include <deque>

#include "diffusion/samplers/samplers.h"

namespace drypoint {

Latent plms(TableBuilder& table, const Walk& walk) {
  Latent x = table.start();
  std::deque<Latent> outputs;  // the latest first
  const auto step = [&](Latent output, const NoiseLevel& from, const NoiseLevel& to) {
    const auto [clean, noise] = table.parts(x, output, from);
    return to.signal * clean + to.noise * noise;
  };
  // diffusers has the second timestep twice, for Heun's step. Begun with the first of the two, that
  // step takes it for its end; begun with the other, what follows is a level ahead of its sample.
  const bool is_late = walk.skipped.size() == 1, is_ahead = walk.skipped.size() > 1;
  for (int i = 0; i < walk.steps(); i += i == 0 && is_ahead ? 2 : 1) {
    table.begin_step();
    const NoiseLevel &here = walk.level(i), &next = walk.level(i + 1);
    outputs.push_front(table.evaluate(x, here));
    const auto& e = outputs;
    Latent mean = e[0];
    switch (e.size()) {
      case 1:
        if (walk.steps() == 1 && !is_late) break;
        mean = (e[0] + table.evaluate(step(e[0], here, next), is_late ? here : next)) / 2;
        break;
      case 2: mean = 1.5 * e[0] - 0.5 * e[1]; break;
      case 3: mean = (23 * e[0] - 16 * e[1] + 5 * e[2]) / 12; break;
      default: mean = (55 * e[0] - 59 * e[1] + 37 * e[2] - 9 * e[3]) / 24; outputs.pop_back();
    }
    x = i == 0 && is_late ? step(mean, walk.level(-1), here) : step(mean, here, next);
  }
  return x;
}

}  // namespace drypoint
