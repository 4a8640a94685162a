// What lies beyond a picture's border for those who look there.
#pragma once

#include <cstdlib>

namespace drypoint {

/// The place of a row or column in a mirrored picture, without the border's own pixel twice:
/// OpenCV's BORDER_REFLECT_101. -1 -> 1, -2 -> 2, count -> count - 2.
inline int mirrored(int at, int count) {
  if (count == 1) return 0;
  const int period = 2 * (count - 1);
  at = std::abs(at) % period;
  return at < count ? at : period - at;
}

}  // namespace drypoint
