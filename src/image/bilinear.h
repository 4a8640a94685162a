// Between the pixels of a plane.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

/// Two neighbours along a side of `from` and the second one's share, for place i of `to`: pixels'
/// middles are compared, as OpenCV's INTER_LINEAR and torch's interpolate do.
struct Between {
  size_t low = 0, high = 0;
  float share = 0;

  Between(int64_t i, int64_t to, int from) {
    const double at = std::clamp(
        (static_cast<double>(i) + 0.5) * from / static_cast<double>(to) - 0.5, 0.0, from - 1.0);
    low = static_cast<size_t>(at);
    high = std::min(low + 1, static_cast<size_t>(from) - 1);
    share = static_cast<float>(at - static_cast<double>(low));
  }
};

/// Adds the plane, made as large as `to`, to `sum`.
inline void add_bilinear(std::span<const float> plane, ImageSize from, ImageSize to,
                         std::span<float> sum) {
  const auto width = static_cast<size_t>(to.width);
  std::vector<Between> columns;
  for (int x = 0; x < to.width; ++x) columns.emplace_back(x, to.width, from.width);
  // Lines are as wide as `to` once they are needed, which they are for several rows.
  struct Line {
    size_t row = SIZE_MAX;
    std::vector<float> values;
  } lines[2];
  const auto line = [&](size_t row) {
    Line& kept = lines[row % 2];
    if (kept.row != row) {
      kept.row = row;
      kept.values.resize(width);
      const float* in = &plane[row * static_cast<size_t>(from.width)];
      for (size_t x = 0; x < width; ++x) {
        const auto& [low, high, share] = columns[x];
        kept.values[x] = in[low] + share * (in[high] - in[low]);
      }
    }
    return kept.values.data();
  };
  for (int y = 0; y < to.height; ++y) {
    const Between row(y, to.height, from.height);
    const float *above = line(row.low), *below = line(row.high);
    float* out = &sum[static_cast<size_t>(y) * width];
    for (size_t x = 0; x < width; ++x) out[x] += above[x] + row.share * (below[x] - above[x]);
  }
}

}  // namespace drypoint
