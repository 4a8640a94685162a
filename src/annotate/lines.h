// The pixels of a line.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace drypoint {

/// Bresenham's, from the left end to the right, halves rounded towards the left one, as OpenCV
/// draws lines of one pixel: calls `visit(x, y)` for each.
template <class Visit>
void for_each_pixel_of_line(int x0, int y0, int x1, int y1, const Visit& visit) {
  if (x0 > x1) {
    std::swap(x0, x1);
    std::swap(y0, y1);
  }
  const int across = x1 - x0, down = std::abs(y1 - y0), sign = y1 < y0 ? -1 : 1;
  const int steps = std::max(across, down);
  const auto rounded = [&](int i, int side) {
    return steps == 0 ? 0 : (2 * i * side + steps - 1) / (2 * steps);
  };
  for (int i = 0; i <= steps; ++i) visit(x0 + rounded(i, across), y0 + sign * rounded(i, down));
}

}  // namespace drypoint
