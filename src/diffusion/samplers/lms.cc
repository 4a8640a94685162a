// Linear multistep, Adams-Bashforth over sigma: the last slopes' polynomial, integrated.
#include <algorithm>
#include <cmath>
#include <deque>

#include "diffusion/samplers/samplers.h"

namespace drypoint {
namespace {

/// The integral from level i to i + 1 of the polynomial that is 1 at level i - j and 0 at the other
/// `order` - 1 levels up to i. Three points are exact up to degree 5; degree 3 occurs.
double slope_share(const Walk& walk, int order, int i, int j) {
  constexpr double nodes[] = {-0.7745966692414834, 0, 0.7745966692414834};
  constexpr double weights[] = {5.0 / 9, 8.0 / 9, 5.0 / 9};
  const double middle = (walk.sigma(i) + walk.sigma(i + 1)) / 2,
               half = (walk.sigma(i + 1) - walk.sigma(i)) / 2;
  double sum = 0;
  for (int n = 0; n < 3; ++n) {
    double value = weights[n] * half;
    for (int k = 0; k < order; ++k)
      if (k != j)
        value *= (middle + half * nodes[n] - walk.sigma(i - k)) /
                 (walk.sigma(i - j) - walk.sigma(i - k));
    sum += value;
  }
  return sum;
}

}  // namespace

Latent lms(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  std::deque<Latent> slopes;  // the latest first
  const int before = static_cast<int>(walk.skipped.size());
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    slopes.push_front((x - table.denoise(x, walk.level(i))) / walk.sigma(i));
    // diffusers' polynomial goes through skipped levels as well, whose slopes are taken for 0.
    const int order = std::min(before + i + 1, walk.settings.order);
    const int known = std::min(order, i + 1);
    slopes.resize(static_cast<size_t>(known), x);
    for (int j = 0; j < known; ++j)
      x = x + slope_share(walk, order, i, j) * slopes[static_cast<size_t>(j)];
  }
  return walk.end(x);
}

}  // namespace drypoint
