#include "image/resample_weights.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numbers>

namespace drypoint {

std::array<float, 8> lanczos_weights(float x) {
  std::array<float, 8> weights{};
  if (x < FLT_EPSILON) {
    weights[3] = 1;
    return weights;
  }
  // sin(y) of the eight places, a quarter of π apart, from that of the first.
  constexpr double r = 0.70710678118654752440084436210485;
  constexpr double turns[8][2] = {{1, 0},  {-r, -r}, {0, 1},  {r, -r},
                                  {-1, 0}, {r, r},   {0, -1}, {-r, r}};
  const double y0 = -(x + 3) * std::numbers::pi * 0.25;
  const double sine = std::sin(y0), cosine = std::cos(y0);
  float sum = 0;
  for (int i = 0; i < 8; ++i) {
    const float place = x + 3 - float(i);
    if (std::abs(place) >= 1e-6f) {
      const double y = -place * std::numbers::pi * 0.25;
      weights[i] = float((turns[i][0] * sine + turns[i][1] * cosine) / (y * y));
    } else {
      weights[i] = 1e30f;  // the limit, before all are divided by their sum
    }
    sum += weights[i];
  }
  sum = 1 / sum;
  for (float& weight : weights) weight *= sum;
  return weights;
}

CubicPlace cubic_place(int to, double scale) {
  const double at = (to + 0.5) * scale - 0.5, pixel = std::floor(at);
  const std::array<double, 4> weights = cubic_weights(at - pixel);
  return {static_cast<int>(pixel) - 1,
          {static_cast<float>(weights[0]), static_cast<float>(weights[1]),
           static_cast<float>(weights[2]), static_cast<float>(weights[3])}};
}

std::vector<Share> area_shares(int from, int to, double scale) {
  std::vector<Share> shares;
  for (int i = 0; i < to; ++i) {
    const double begin = i * scale, end = begin + scale;
    const double width = std::min(scale, from - begin);
    int first = int(std::ceil(begin)), last = int(std::floor(end));
    last = std::min(last, from - 1);
    first = std::min(first, last);
    if (first - begin > 1e-3) shares.push_back({first - 1, i, float((first - begin) / width)});
    for (int k = first; k < last; ++k) shares.push_back({k, i, float(1.0 / width)});
    if (end - last > 1e-3)
      shares.push_back({last, i, float(std::min(std::min(end - last, 1.), width) / width)});
  }
  return shares;
}

}  // namespace drypoint
