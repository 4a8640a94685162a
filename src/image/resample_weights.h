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
/// Of the pixels 1 to the left to 2 to the right (Keys' cubic, a = -0.75).
template <class Real>
std::array<Real, 4> cubic_weights(Real x) {
  constexpr Real a = Real(-0.75);
  std::array<Real, 4> weights{((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a,
                              ((a + 2) * x - (a + 3)) * x * x + 1,
                              ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1, 0};
  weights[3] = 1 - weights[0] - weights[1] - weights[2];
  return weights;
}

/// Where one result of a cubic begins, and what it takes from there on.
struct CubicPlace {
  int first = 0;
  std::array<float, 4> weights;
};
/// Of places that are not rounded, as IPP has it.
CubicPlace cubic_place(int to, double scale);

/// How much of each result's pixel lies over which pixels, where each covers `scale` of them, 1 or
/// more. In order of the results.
std::vector<Share> area_shares(int from, int to, double scale);

}  // namespace drypoint
