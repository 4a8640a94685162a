// How far a run's latents are from a reference's.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace drypoint::testing {

struct Distances {
  double latents = 0;  // the largest difference, as a share of the largest magnitude of all
  double steps = 0;    // the same of what each step changes, each by its own; the worst
};

/// `found`: the latents before the first step and after each; `expected`: the same, in one. Late
/// steps are small against the latents, so both count.
inline Distances distances(const std::vector<std::vector<float>>& found,
                           std::span<const float> expected) {
  double most = 0;
  for (const float value : expected) most = std::max(most, std::abs(double{value}));
  Distances worst;
  for (size_t i = 0; i < found.size(); ++i) {
    const size_t one = found[i].size();
    double step = 0, of_step = 0;
    for (size_t k = 0; k < one; ++k) {
      const double value = found[i][k], should = expected[i * one + k];
      worst.latents = std::max(worst.latents, std::abs(value - should) / most);
      if (i == 0) continue;
      const double change = should - double{expected[(i - 1) * one + k]};
      of_step = std::max(of_step, std::abs(change));
      step = std::max(step, std::abs(value - double{found[i - 1][k]} - change));
    }
    if (i > 0) worst.steps = std::max(worst.steps, step / of_step);
  }
  return worst;
}

}  // namespace drypoint::testing
