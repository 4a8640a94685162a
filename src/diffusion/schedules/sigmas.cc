#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/schedules/schedules.h"

namespace drypoint {
namespace {

/// From 0 to 1 in `count` values; one alone is 0.
double share(int64_t i, int64_t count) {
  return count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
}

template <class Value>
std::vector<double> sigmas_of(int64_t count, const Value& value) {
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i) sigmas.push_back(value(share(i, count)));
  return sigmas;
}

/// The regularized incomplete beta function by its continued fraction (DLMF 8.17.22), for
/// x <= (a + 1) / (a + b + 2), where it converges fast.
double beta_part(double a, double b, double x) {
  if (x <= 0) return 0;
  const double front = std::pow(x, a) * std::pow(1 - x, b) / (a * std::beta(a, b));
  constexpr double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < tiny ? tiny : d);
  double fraction = d;
  for (int m = 1; m < 200; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 / (1 + term * d);
      c = 1 + term / c;
      change = c * d;
      fraction *= change;
    }
    if (std::abs(change - 1) < 1e-15) break;
  }
  return front * fraction;
}

double beta_probability(double a, double b, double x) {
  return x <= (a + 1) / (a + b + 2) ? beta_part(a, b, x) : 1 - beta_part(b, a, 1 - x);
}

double beta_quantile(double a, double b, double probability) {
  if (probability <= 0 || probability >= 1) return std::clamp(probability, 0.0, 1.0);
  double low = 0, high = 1;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (beta_probability(a, b, middle) < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

std::vector<double> karras_sigmas(int64_t count, double low, double high, double rho) {
  const double first = std::pow(high, 1 / rho), last = std::pow(low, 1 / rho);
  return sigmas_of(count,
                   [&](double part) { return std::pow(first + part * (last - first), rho); });
}

std::vector<double> exponential_sigmas(int64_t count, double low, double high) {
  return polyexponential_sigmas(count, low, high, 1);
}

std::vector<double> polyexponential_sigmas(int64_t count, double low, double high, double rho) {
  return sigmas_of(count, [&](double part) {
    return std::exp(std::log(low) + std::pow(1 - part, rho) * std::log(high / low));
  });
}

std::vector<double> beta_sigmas(int64_t count, double low, double high, double alpha, double beta) {
  return sigmas_of(count, [&](double part) {
    return low + beta_quantile(alpha, beta, 1 - part) * (high - low);
  });
}

std::vector<double> comfy_beta_timesteps(int64_t count, double alpha, double beta) {
  std::vector<double> timesteps;
  for (int64_t i = 0; i < count; ++i) {
    const double part = 1 - static_cast<double>(i) / static_cast<double>(count);
    const double timestep = std::nearbyint(beta_quantile(alpha, beta, part) * (kNoiseLevels - 1));
    if (timesteps.empty() || timesteps.back() != timestep) timesteps.push_back(timestep);
  }
  return timesteps;
}

std::vector<double> align_your_steps_sigmas(int64_t count) {
  constexpr std::array table{14.615, 6.475, 3.861, 2.697, 1.886, 1.396,
                             0.963,  0.652, 0.399, 0.152, 0.029};
  return sigmas_of(count, [&](double part) {
    const double at = part * (table.size() - 1);
    const size_t i = std::min(static_cast<size_t>(at), table.size() - 2);
    return std::exp(
        std::lerp(std::log(table[i]), std::log(table[i + 1]), at - static_cast<double>(i)));
  });
}

std::vector<double> kl_optimal_sigmas(int64_t count, double low, double high) {
  return sigmas_of(count + 1, [&](double part) {
    return std::tan(std::lerp(std::atan(high), std::atan(low), part));
  });
}

}  // namespace drypoint
