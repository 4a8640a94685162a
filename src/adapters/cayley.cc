#include "adapters/cayley.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "adapters/matrices.h"

namespace drypoint {
namespace {

/// Solves a x = y of n rows for n columns, by elimination with pivots; a and y are changed, y
/// becomes x. `a` must not be singular, as I - Q is not.
void solve(std::vector<double>& a, std::vector<double>& y, size_t n) {
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row)
      if (std::abs(a[row * n + column]) > std::abs(a[pivot * n + column])) pivot = row;
    for (size_t k = 0; pivot != column && k < n; ++k) {
      std::swap(a[pivot * n + k], a[column * n + k]);
      std::swap(y[pivot * n + k], y[column * n + k]);
    }
    for (size_t row = 0; row < n; ++row) {
      if (row == column) continue;
      const double factor = a[row * n + column] / a[column * n + column];
      if (factor == 0) continue;
      for (size_t k = column; k < n; ++k) a[row * n + k] -= factor * a[column * n + k];
      for (size_t k = 0; k < n; ++k) y[row * n + k] -= factor * y[column * n + k];
    }
  }
  for (size_t row = 0; row < n; ++row)
    for (size_t k = 0; k < n; ++k) y[row * n + k] /= a[row * n + row];
}

}  // namespace

Tensor cayley(const Tensor& blocks, double constraint) {
  const auto n = static_cast<size_t>(blocks.shape().back());
  const Tensor given = blocks.to_f32();
  std::vector<double> q(given.floats().size());
  double squares = 0;
  for (size_t block = 0; block < q.size(); block += n * n)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) {
        const double value =
            double{given.floats()[block + i * n + j]} - double{given.floats()[block + j * n + i]};
        q[block + i * n + j] = value;
        squares += value * value;
      }
  const double length = std::sqrt(squares) + 1e-8;
  const double factor = constraint > 0 && length > constraint ? constraint / length : 1;
  Tensor result({DType::f32, blocks.shape()});
  std::vector<double> below(n * n), above(n * n);
  for (size_t block = 0; block < q.size(); block += n * n) {
    for (size_t i = 0; i < n * n; ++i) {
      const double one = i % (n + 1) == 0 ? 1 : 0, value = factor * q[block + i];
      below[i] = one - value;
      above[i] = one + value;
    }
    solve(below, above, n);  // both commute
    for (size_t i = 0; i < n * n; ++i)
      result.mutable_floats()[block + i] = static_cast<float>(above[i]);
  }
  return result;
}

void scale_rows(Tensor& weight, const std::optional<Tensor>& rescale, double strength) {
  if (!rescale) return;
  const Tensor factors = rescale->to_f32();
  const auto values = weight.mutable_floats();
  const size_t columns = values.size() / factors.floats().size();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= static_cast<float>(1 + strength * (double{factors.floats()[i / columns]} - 1));
}

}  // namespace drypoint
