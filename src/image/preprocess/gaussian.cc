#include <cmath>

#include "image/mirrored.h"
#include "image/preprocess/pixels.h"
#include "image/weighted_sums.h"

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
std::vector<float> in_256ths(const std::vector<double>& weights) {
  std::vector<float> rounded(weights.size());
  const size_t middle = weights.size() / 2;
  int left = 256;
  double lost = 0;
  for (size_t i = 0; i < middle; ++i) {
    const double weight = weights[i] * 256 + lost;
    const int own = static_cast<int>(std::nearbyint(weight));
    lost = weight - own;
    rounded[i] = rounded[weights.size() - 1 - i] = static_cast<float>(own);
    left -= 2 * own;
  }
  rounded[middle] = static_cast<float>(left);
  return rounded;
}

std::vector<float> as_floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

GaussianRows::GaussianRows(const Image& image, std::vector<float> weights)
    : image_(image),
      weights_(std::move(weights)),
      channels_(static_cast<size_t>(image.channels)),
      stride_(static_cast<size_t>(image.width) * channels_),
      line_(stride_ + 2 * static_cast<size_t>(half()) * channels_),
      kept_(weights_.size() * stride_),
      row_(stride_),
      taken_(weights_.size()) {}

GaussianRows::GaussianRows(const Image& image, double sigma, int taps)
    : GaussianRows(image, as_floats(gaussian_weights(sigma, taps))) {}

float* GaussianRows::kept(int row) {
  return kept_.data() + static_cast<size_t>(row) % weights_.size() * stride_;
}

void GaussianRows::add_row() {
  const uint8_t* from = image_.pixels.data() + static_cast<size_t>(rows_) * stride_;
  const auto mirror = [&](int column) {
    const uint8_t* pixel = from + static_cast<size_t>(mirrored(column, image_.width)) * channels_;
    std::copy_n(pixel, channels_, &line_[static_cast<size_t>(column + half()) * channels_]);
  };
  for (int column = -half(); column < 0; ++column) mirror(column);
  std::copy_n(from, stride_, &line_[static_cast<size_t>(half()) * channels_]);
  for (int column = image_.width; column < image_.width + half(); ++column) mirror(column);
  for (size_t k = 0; k < taken_.size(); ++k) taken_[k] = line_.data() + k * channels_;
  weighted_sums(weights_, taken_.data(), kept(rows_++), stride_);
}

std::span<const float> GaussianRows::next() {
  while (rows_ < std::min(next_ + half() + 1, image_.height)) add_row();
  for (size_t k = 0; k < taken_.size(); ++k)
    taken_[k] = kept(mirrored(next_ + static_cast<int>(k) - half(), image_.height));
  weighted_sums(weights_, taken_.data(), row_.data(), stride_);
  ++next_;
  return row_;
}

Image gaussian_blurred(const Image& image, double sigma) {
  const int taps = static_cast<int>(sigma * 6 + 1.5) | 1;
  Image result = image;
  GaussianRows rows(image, in_256ths(gaussian_weights(sigma, taps)));
  auto to = result.pixels.begin();
  // Whole numbers, of which floats hold all up to the largest of these sums, 255 * 2^16.
  for (int y = 0; y < image.height; ++y)
    to = std::ranges::transform(rows.next(), to, [](float sum) {
           return static_cast<uint8_t>((static_cast<int>(sum) + (1 << 15)) >> 16);
         }).out;
  return result;
}

}  // namespace drypoint
