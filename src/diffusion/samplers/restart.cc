// Y. Xu and others, "Restart sampling for improving generative processes" (2023), as the web UI has
// it: Heun's steps, and from 20 steps on some of them go once or twice more from sigma 2 to 0.1.
#include <algorithm>
#include <cmath>

#include "diffusion/samplers/samplers.h"
#include "diffusion/schedules/schedules.h"

namespace drypoint {
namespace {

using Way = std::pair<NoiseLevel, NoiseLevel>;

size_t nearest(const std::vector<NoiseLevel>& levels, double sigma) {
  const auto distance = [&](const NoiseLevel& level) { return std::abs(level.sigma() - sigma); };
  const auto found =
      std::min_element(levels.begin(), levels.end(),
                       [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  return static_cast<size_t>(found - levels.begin());
}

std::vector<NoiseLevel> karras_levels(const Walk& walk, int count, double low, double high) {
  std::vector<NoiseLevel> levels;
  for (const double sigma : karras_sigmas(count, low, high))
    levels.push_back(walk.trained.at_sigma(sigma));
  return levels;
}

std::vector<Way> ways(const Walk& walk) {
  const int steps = walk.steps();
  const int times = steps >= 36 ? 2 : steps >= 20 ? 1 : 0;
  const int more = steps >= 36 ? steps / 4 : 9;
  auto levels = walk.levels;
  if (times > 0) {
    levels = karras_levels(walk, steps - more * times, walk.sigma(steps - 1), walk.sigma(0));
    levels.push_back(kNoNoise);
  }
  const size_t low = nearest(levels, 0.1), high = nearest(levels, 2);
  std::vector<Way> all;
  for (size_t i = 0; i + 1 < levels.size(); ++i) {
    all.emplace_back(levels[i], levels[i + 1]);
    if (i + 1 != low || high >= low) continue;
    const auto again = karras_levels(walk, more + 1, levels[low].sigma(), levels[high].sigma());
    for (int time = 0; time < times; ++time)
      for (size_t k = 0; k + 1 < again.size(); ++k) all.emplace_back(again[k], again[k + 1]);
  }
  return all;
}

}  // namespace

Latent restart(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  double last = std::numeric_limits<double>::infinity();
  for (const auto& [here, next] : ways(walk)) {
    table.begin_step();
    const double sigma = here.sigma(), way = next.sigma() - sigma;
    if (sigma > last)
      x = x +
          walk.settings.s_noise * std::sqrt(sigma * sigma - last * last) * table.draw(last, sigma);
    const Latent slope = (x - table.denoise(x, here)) / sigma;
    const Latent there = x + way * slope;
    if (next.sigma() > 0) {
      const Latent next_slope = (there - table.denoise(there, next)) / next.sigma();
      x = x + way / 2 * (slope + next_slope);
    } else {
      x = there;
    }
    last = next.sigma();
  }
  return walk.end(x);
}

}  // namespace drypoint
