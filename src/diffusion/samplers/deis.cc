// Q. Zhang and Y. Chen, "Fast sampling of diffusion models with exponential integrator" (2023),
// over log(rho): the noise as a polynomial in log(sigma) through the last ones, integrated over
// sigma.
#include <cmath>
#include <deque>

#include "diffusion/samplers/samplers.h"

namespace drypoint {
namespace {

/// The integral over sigma from level i to i + 1 of the polynomial in log(sigma) that is 1 at level
/// i - j and 0 at the other `order` - 1 levels up to i.
double noise_share(const Walk& walk, int order, int i, int j) {
  // Coefficients of u^0, u^1, u^2, with u = log(sigma).
  double p[3] = {1, 0, 0};
  const double own = std::log(walk.sigma(i - j));
  for (int k = 0; k < order; ++k) {
    if (k == j) continue;
    const double root = std::log(walk.sigma(i - k)), over = own - root;
    p[2] = (p[1] - root * p[2]) / over;
    p[1] = (p[0] - root * p[1]) / over;
    p[0] = -root * p[0] / over;
  }
  // The integral of p(u) e^u is (p - p' + p'') e^u.
  const auto integral = [&](double sigma) {
    if (sigma == 0) return 0.0;
    const double u = std::log(sigma);
    return sigma * (p[0] + u * (p[1] + u * p[2]) - (p[1] + 2 * u * p[2]) + 2 * p[2]);
  };
  return integral(walk.sigma(i + 1)) - integral(walk.sigma(i));
}

}  // namespace

Latent deis(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table);
  std::deque<Latent> noises;  // the latest first
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    noises.push_front((x - table.denoise(x, walk.level(i))) / walk.sigma(i));
    const int order = walk.order(i);
    for (int j = 0; j < order; ++j)
      x = x + noise_share(walk, order, i, j) * noises[static_cast<size_t>(j)];
  }
  return walk.end(x);
}

}  // namespace drypoint
