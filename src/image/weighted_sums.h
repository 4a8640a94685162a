// Sums of weighted rows: what blurring and resizing are made of.
#pragma once

#include <cstddef>
#include <span>

namespace drypoint {

/// to[i] = 0 + weights[0] * rows[0][i] + weights[1] * rows[1][i] + ..., in this order, each product
/// and each sum rounded: the same on every processor. `rows` has one for each weight, all of
/// `count` numbers.
void weighted_sums(std::span<const float> weights, const float* const* rows, float* to,
                   size_t count);
void weighted_sums(std::span<const double> weights, const double* const* rows, double* to,
                   size_t count);

}  // namespace drypoint
