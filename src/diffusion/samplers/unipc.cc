// W. Zhao and others, "UniPC: a unified predictor-corrector framework for fast sampling of
// diffusion models" (2023), predicting the clean latent.
#include <algorithm>
#include <array>
#include <cmath>
#include <deque>

#include "diffusion/samplers/samplers.h"

namespace drypoint {
namespace {

using Row = std::array<double, 3>;

/// Solves the first `n` rows and columns of a x = b.
Row solve(std::array<Row, 3> a, Row b, int n) {
  for (int i = 0; i < n; ++i) {
    int pivot = i;
    for (int r = i + 1; r < n; ++r)
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    std::swap(a[i], a[pivot]);
    std::swap(b[i], b[pivot]);
    for (int r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (int c = i; c < n; ++c) a[r][c] -= factor * a[i][c];
      b[r] -= factor * b[i];
    }
  }
  for (int i = 0; i < n; ++i) b[i] /= a[i][i];
  return b;
}

/// Step i, of an order: x goes from level i to i + 1.
struct Step {
  double kept, h_phi_1, scale;  // sigma'/sigma, e^-h - 1, B(h)
  std::array<Row, 3> powers{};  // of the distances of known points, r_k^n
  Row moments{};
  Row distances{};  // of the points before i, in steps; then 1
};

Step step_at(const Walk& walk, int i, int order) {
  Step step{};
  const double h = walk.log_way(i), hh = -h;
  step.kept = walk.sigma(i + 1) / walk.sigma(i);
  step.h_phi_1 = step.kept - 1;
  step.scale = walk.settings.solver == Solver::bh1 ? hh : step.h_phi_1;
  double before = 0;
  for (int k = 1; k < order; ++k) {
    before -= walk.log_way(i - k);
    step.distances[k - 1] = before / h;
  }
  step.distances[order - 1] = 1;
  double phi = step.h_phi_1 / hh - 1, factorial = 1;
  for (int n = 0; n < order; ++n) {
    for (int k = 0; k < order; ++k) step.powers[n][k] = std::pow(step.distances[k], n);
    step.moments[n] = phi * factorial / step.scale;
    factorial *= n + 2;
    phi = phi / hh - 1 / factorial;
  }
  return step;
}

/// The clean latents before step i against the one at it, weighed.
Latent with_history(Latent x, const Step& step, const std::deque<Latent>& clean, const Row& shares,
                    int count) {
  for (int k = 0; k < count; ++k)
    x = x -
        step.scale * shares[k] / step.distances[k] * (clean[static_cast<size_t>(k) + 1] - clean[0]);
  return x;
}

}  // namespace

Latent unipc(TableBuilder& table, const Walk& walk) {
  Latent x = walk.begin(table), before = x;
  std::deque<Latent> clean;  // the latest first
  for (int i = 0; i < walk.steps(); ++i) {
    table.begin_step();
    const auto order_of = [&](int at) {
      return std::min({walk.settings.order, walk.steps() - at, at + 1});
    };
    const Latent latest = table.denoise(x, walk.level(i));
    if (i > 0) {  // corrects the step that led here
      const int order = order_of(i - 1);
      const Step step = step_at(walk, i - 1, order);
      const Row shares = order == 1 ? Row{0.5} : solve(step.powers, step.moments, order);
      x = with_history(step.kept * before - step.h_phi_1 * clean[0], step, clean, shares,
                       order - 1);
      x = x - step.scale * shares[order - 1] * (latest - clean[0]);
    }
    clean.push_front(latest);
    before = x;
    const int order = order_of(i);
    const Step step = step_at(walk, i, order);
    const Row shares = order <= 2 ? Row{0.5} : solve(step.powers, step.moments, order - 1);
    x = with_history(step.kept * x - step.h_phi_1 * clean[0], step, clean, shares, order - 1);
  }
  return walk.end(x);
}

}  // namespace drypoint
