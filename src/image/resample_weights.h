// What a pixel of a resized picture takes from which pixels, as OpenCV's `resize` has it.
#pragma once

#include <array>
#include <vector>

namespace drypoint {

/// One pixel's share in one result.
struct Share {
  int from = 0, to = 0;
  float weight = 0;
};

/// Of the pixels 3 to the left to 4 to the right, for a result that lies x (0 to 1) behind one.
std::array<float, 8> lanczos_weights(float x);
/// Of the pixels 1 to the left to 2 to the right.
std::array<float, 4> cubic_weights(float x);

/// How much of each result's pixel lies over which pixels, where each covers `scale` of them, 1 or
/// more. In order of the results.
std::vector<Share> area_shares(int from, int to, double scale);

}  // namespace drypoint
