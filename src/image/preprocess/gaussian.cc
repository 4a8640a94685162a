#include <cmath>

#include "image/mirrored.h"
#include "image/preprocess/pixels.h"

namespace drypoint {
namespace {

std::vector<float> gaussian_weights(double sigma, int taps) {
  std::vector<double> weights;
  double sum = 0;
  for (int i = 0; i < taps; ++i) {
    const double x = i - (taps - 1) / 2.0;
    sum += weights.emplace_back(std::exp(-x * x / (2 * sigma * sigma)));
  }
  std::vector<float> normalised;
  for (const double weight : weights) normalised.push_back(static_cast<float>(weight / sum));
  return normalised;
}

}  // namespace

std::vector<float> gaussian(const Image& image, double sigma, int taps) {
  const std::vector<float> weights = gaussian_weights(sigma, taps);
  const int half = taps / 2;
  const auto channels = static_cast<size_t>(image.channels);
  const size_t stride = static_cast<size_t>(image.width) * channels;
  std::vector<float> across(pixels_of(image) * channels), line(stride + 2 * half * channels);
  for (size_t row = 0; row < static_cast<size_t>(image.height); ++row) {
    const uint8_t* from = image.pixels.data() + row * stride;
    for (int column = -half; column < image.width + half; ++column)
      for (size_t c = 0; c < channels; ++c)
        line[static_cast<size_t>(column + half) * channels + c] =
            from[static_cast<size_t>(mirrored(column, image.width)) * channels + c];
    float* to = across.data() + row * stride;
    for (size_t k = 0; k < weights.size(); ++k)
      for (size_t i = 0; i < stride; ++i) to[i] += weights[k] * line[k * channels + i];
  }
  std::vector<float> result(across.size());
  for (int row = 0; row < image.height; ++row) {
    float* to = result.data() + static_cast<size_t>(row) * stride;
    for (int k = 0; k < taps; ++k) {
      const float* from =
          across.data() + static_cast<size_t>(mirrored(row + k - half, image.height)) * stride;
      for (size_t i = 0; i < stride; ++i) to[i] += weights[static_cast<size_t>(k)] * from[i];
    }
  }
  return result;
}

}  // namespace drypoint
