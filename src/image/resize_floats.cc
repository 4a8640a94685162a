#include "image/resize_floats.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "image/bilinear.h"
#include "image/resample_weights.h"
#include "image/weighted_sums.h"

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

/// Of interleaved channels; few of them stay in registers.
template <size_t channels>
void sum_pixels(const float* values, const SideShares& shares, size_t places, float* to) {
  for (size_t place = 0; place < places; ++place, to += channels) {
    const auto from = shares.from(place);
    const auto weights = shares.weights(place);
    float sums[channels] = {};
    for (size_t k = 0; k < from.size(); ++k)
      for (size_t c = 0; c < channels; ++c) sums[c] += weights[k] * values[from[k] * channels + c];
    std::copy_n(sums, channels, to);
  }
}

/// to[i] = the sum of what the place takes of rows of `count` numbers.
void sum_shares(const SideShares& shares, size_t place, const float* rows, size_t count, float* to,
                std::vector<const float*>& taken) {
  taken.clear();
  for (const size_t row : shares.from(place)) taken.push_back(rows + row * count);
  weighted_sums(shares.weights(place), taken.data(), to, count);
}

}  // namespace

SideShares::SideShares(int from, int to, Interpolation interpolation) {
  for (const Share& share : shares_along(from, to, interpolation)) {
    while (begins_.size() <= static_cast<size_t>(share.to)) begins_.push_back(from_.size());
    from_.push_back(static_cast<size_t>(share.from));
    weights_.push_back(share.weight);
  }
  begins_.push_back(from_.size());
}

void FloatResize::resize_row(const float* row, size_t channels, size_t columns, float* to) const {
  if (channels == 1) return sum_pixels<1>(row, across_, columns, to);
  if (channels == 3) return sum_pixels<3>(row, across_, columns, to);
  std::vector<const float*> taken;
  for (size_t x = 0; x < columns; ++x)
    sum_shares(across_, x, row, channels, to + x * channels, taken);
}

std::vector<float> FloatResize::first(std::span<const float> values, int channels,
                                      ImageSize part) const {
  if (from_ == part && from_ == to_) return {values.begin(), values.end()};
  const auto own = static_cast<size_t>(channels), old_height = static_cast<size_t>(from_.height);
  const auto width = static_cast<size_t>(part.width), height = static_cast<size_t>(part.height);
  const size_t row = static_cast<size_t>(from_.width) * own, new_row = width * own;
  std::vector<float> narrow(old_height * new_row), result(height * new_row);
  for (size_t y = 0; y < old_height; ++y)
    resize_row(&values[y * row], own, width, &narrow[y * new_row]);
  std::vector<const float*> taken;
  for (size_t y = 0; y < height; ++y)
    sum_shares(down_, y, narrow.data(), new_row, &result[y * new_row], taken);
  return result;
}

std::vector<float> resize_twice(std::span<const float> values, int channels,
                                const FloatResize& first, const FloatResize& second) {
  const auto own = static_cast<size_t>(channels), width = first.across().places() * own,
             new_width = second.across().places() * own;
  const size_t old_width = static_cast<size_t>(first.from().width) * own;
  std::vector<float> narrow(values.size() / old_width * width), wide(width);
  for (size_t y = 0; y * old_width < values.size(); ++y)
    first.resize_row(&values[y * old_width], own, first.across().places(), &narrow[y * width]);
  std::map<size_t, std::vector<float>> rows;  // of the first that the second takes, across
  std::vector<float> result;
  std::vector<const float*> taken;
  for (size_t y = 0; y < second.down().places(); ++y) {
    const auto from = second.down().from(y);
    rows.erase(rows.begin(), rows.lower_bound(from.front()));
    for (const size_t row : from) {
      auto& own_row = rows[row];
      if (!own_row.empty()) continue;
      sum_shares(first.down(), row, narrow.data(), width, wide.data(), taken);
      own_row.resize(new_width);
      second.resize_row(wide.data(), own, second.across().places(), own_row.data());
    }
    taken.clear();
    for (const size_t row : from) taken.push_back(rows.at(row).data());
    result.resize(result.size() + new_width);
    weighted_sums(second.down().weights(y), taken.data(), &result[result.size() - new_width],
                  new_width);
  }
  return result;
}

float FloatResize::at(std::span<const float> values, int channels, size_t channel, int x,
                      int y) const {
  const auto own = static_cast<size_t>(channels), width = static_cast<size_t>(from_.width);
  const auto columns = across_.from(static_cast<size_t>(x)),
             rows = down_.from(static_cast<size_t>(y));
  const auto column_weights = across_.weights(static_cast<size_t>(x)),
             row_weights = down_.weights(static_cast<size_t>(y));
  float sum = 0;
  for (size_t j = 0; j < rows.size(); ++j) {
    float across = 0;
    for (size_t i = 0; i < columns.size(); ++i)
      across += column_weights[i] * values[(rows[j] * width + columns[i]) * own + channel];
    sum += row_weights[j] * across;
  }
  return sum;
}

std::vector<float> FloatResize::at(std::span<const float> plane, std::span<const int> columns,
                                   std::span<const int> rows) const {
  const auto width = static_cast<size_t>(from_.width);
  size_t first = plane.size(), last = 0;  // of the old rows
  for (const int y : rows) {
    const auto [least, most] = std::ranges::minmax(down_.from(static_cast<size_t>(y)));
    first = std::min(first, least);
    last = std::max(last, most);
  }
  std::vector<float> narrow;
  for (size_t row = first; row <= last; ++row)
    for (const int x : columns) {
      const auto from = across_.from(static_cast<size_t>(x));
      const auto weights = across_.weights(static_cast<size_t>(x));
      float sum = 0;
      for (size_t i = 0; i < from.size(); ++i) sum += weights[i] * plane[row * width + from[i]];
      narrow.push_back(sum);
    }
  std::vector<float> result(rows.size() * columns.size());
  std::vector<const float*> taken;
  for (size_t j = 0; j < rows.size(); ++j) {
    const auto y = static_cast<size_t>(rows[j]);
    taken.clear();
    for (const size_t row : down_.from(y)) taken.push_back(&narrow[(row - first) * columns.size()]);
    weighted_sums(down_.weights(y), taken.data(), &result[j * columns.size()], columns.size());
  }
  return result;
}

std::vector<float> as_floats(const Image& image) {
  return {image.pixels.begin(), image.pixels.end()};
}

}  // namespace drypoint
