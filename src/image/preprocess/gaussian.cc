#include <cmath>

#include "image/mirrored.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

std::vector<double> gaussian_weights(double sigma, int taps) {
  std::vector<double> weights;
  double sum = 0;
  for (int i = 0; i < taps; ++i) {
    const double x = i - (taps - 1) / 2.0;
    sum += weights.emplace_back(std::exp(-x * x / (2 * sigma * sigma)));
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// In 256ths: what one loses by rounding the next one gets, and the middle one what is left of 256.
std::vector<int> in_256ths(const std::vector<double>& weights) {
  std::vector<int> rounded(weights.size());
  const size_t middle = weights.size() / 2;
  rounded[middle] = 256;
  double lost = 0;
  for (size_t i = 0; i < middle; ++i) {
    const double weight = weights[i] * 256 + lost;
    const int own = static_cast<int>(std::nearbyint(weight));
    lost = weight - own;
    rounded[i] = rounded[weights.size() - 1 - i] = own;
    rounded[middle] -= 2 * own;
  }
  return rounded;
}

/// Sums of each row's values, then of each column's.
template <class Number>
std::vector<Number> filtered(const Image& image, const std::vector<Number>& weights) {
  const int taps = static_cast<int>(weights.size()), half = taps / 2;
  const auto channels = static_cast<size_t>(image.channels);
  const size_t stride = static_cast<size_t>(image.width) * channels;
  std::vector<Number> across(pixels_of(image) * channels), line(stride + 2 * half * channels);
  for (size_t row = 0; row < static_cast<size_t>(image.height); ++row) {
    const uint8_t* from = image.pixels.data() + row * stride;
    for (int column = -half; column < image.width + half; ++column)
      for (size_t c = 0; c < channels; ++c)
        line[static_cast<size_t>(column + half) * channels + c] =
            from[static_cast<size_t>(mirrored(column, image.width)) * channels + c];
    Number* to = across.data() + row * stride;
    for (size_t k = 0; k < weights.size(); ++k)
      for (size_t i = 0; i < stride; ++i) to[i] += weights[k] * line[k * channels + i];
  }
  std::vector<Number> result(across.size());
  for (int row = 0; row < image.height; ++row) {
    Number* to = result.data() + static_cast<size_t>(row) * stride;
    for (int k = 0; k < taps; ++k) {
      const Number* from =
          across.data() + static_cast<size_t>(mirrored(row + k - half, image.height)) * stride;
      for (size_t i = 0; i < stride; ++i) to[i] += weights[static_cast<size_t>(k)] * from[i];
    }
  }
  return result;
}

}  // namespace

std::vector<float> gaussian(const Image& image, double sigma, int taps) {
  std::vector<float> weights;
  for (const double weight : gaussian_weights(sigma, taps))
    weights.push_back(static_cast<float>(weight));
  return filtered(image, weights);
}

Image gaussian_blurred(const Image& image, double sigma) {
  const int taps = static_cast<int>(sigma * 6 + 1.5) | 1;
  Image result = image;
  std::ranges::transform(filtered(image, in_256ths(gaussian_weights(sigma, taps))),
                         result.pixels.begin(),
                         [](int sum) { return static_cast<uint8_t>((sum + (1 << 15)) >> 16); });
  return result;
}

}  // namespace drypoint
