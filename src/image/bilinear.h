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
  std::vector<Between> columns;
  for (int x = 0; x < to.width; ++x) columns.emplace_back(x, to.width, from.width);
  float* out = sum.data();
  for (int y = 0; y < to.height; ++y) {
    const Between row(y, to.height, from.height);
    const float* above = &plane[row.low * static_cast<size_t>(from.width)];
    const float* below = &plane[row.high * static_cast<size_t>(from.width)];
    for (const Between& column : columns) {
      const auto across = [&](const float* line) {
        return line[column.low] + column.share * (line[column.high] - line[column.low]);
      };
      *out++ += across(above) + row.share * (across(below) - across(above));
    }
  }
}

}  // namespace drypoint
