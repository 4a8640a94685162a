#include "image/resize_floats.h"

#include <algorithm>
#include <cmath>

#include "image/bilinear.h"
#include "image/resample_weights.h"

namespace drypoint {
namespace {

/// Adds result `to`'s shares of `weights`' pixels, which begin at `first`.
template <size_t taps>
void add_shares(int first, const std::array<float, taps>& weights, int from, int to,
                std::vector<Share>& shares) {
  for (size_t k = 0; k < taps; ++k)
    shares.push_back({std::clamp(first + static_cast<int>(k), 0, from - 1), to, weights[k]});
}

std::vector<Share> shares_along(int from, int to, Interpolation interpolation) {
  const double scale = 1 / (double(to) / from);
  if (interpolation == Interpolation::area) return area_shares(from, to, scale);
  std::vector<Share> shares;
  for (int i = 0; i < to; ++i) {
    if (interpolation == Interpolation::linear) {
      const Between between(i, to, from);
      shares.push_back({static_cast<int>(between.low), i, 1 - between.share});
      shares.push_back({static_cast<int>(between.high), i, between.share});
      continue;
    }
    if (interpolation == Interpolation::cubic) {
      const CubicPlace place = cubic_place(i, double(from) / to);
      add_shares(place.first, place.weights, from, i, shares);
      continue;
    }
    float x = static_cast<float>((i + 0.5) * scale - 0.5);
    const int pixel = static_cast<int>(std::floor(x));
    x -= static_cast<float>(pixel);
    if (interpolation == Interpolation::cubic64)
      add_shares(pixel - 1, cubic_weights(x), from, i, shares);
    else
      add_shares(pixel - 3, lanczos_weights(x), from, i, shares);
  }
  return shares;
}

}  // namespace

std::vector<float> resize_floats(std::span<const float> values, int channels, ImageSize from,
                                 ImageSize to, Interpolation interpolation) {
  const auto own = static_cast<size_t>(channels);
  const size_t row = static_cast<size_t>(from.width) * own;
  const size_t new_row = static_cast<size_t>(to.width) * own;
  std::vector<float> across(static_cast<size_t>(from.height) * new_row);
  const std::vector<Share> columns = shares_along(from.width, to.width, interpolation);
  for (size_t y = 0; y < static_cast<size_t>(from.height); ++y)
    for (const Share& share : columns) {
      const float* in = &values[y * row + static_cast<size_t>(share.from) * own];
      float* out = &across[y * new_row + static_cast<size_t>(share.to) * own];
      for (size_t c = 0; c < own; ++c) out[c] += share.weight * in[c];
    }
  std::vector<float> result(static_cast<size_t>(to.height) * new_row);
  for (const Share& share : shares_along(from.height, to.height, interpolation)) {
    const float* in = &across[static_cast<size_t>(share.from) * new_row];
    float* out = &result[static_cast<size_t>(share.to) * new_row];
    for (size_t i = 0; i < new_row; ++i) out[i] += share.weight * in[i];
  }
  return result;
}

std::vector<float> as_floats(const Image& image) {
  return {image.pixels.begin(), image.pixels.end()};
}

}  // namespace drypoint
