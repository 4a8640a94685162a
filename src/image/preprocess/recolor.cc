#include <array>
#include <cmath>

#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {
namespace {

/// In sRGB's encoding.
double linear(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

/// CIE's lightness, 0 to 255, of a luminance from 0 to 1.
int lightness(double y) {
  const double lightness = y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
  return static_cast<int>(std::lround(lightness * 2.55));
}

/// The same looked up: the lightness at the beginning of the luminance's 1024th, and how many of
/// the next ones begin within it before that luminance.
class LightnessTable {
 public:
  LightnessTable() {
    for (int level = 0; level < 256; ++level) {
      double low = 0, high = 1.1;  // of less lightness, and not
      while (std::nextafter(low, high) < high) {
        const double middle = low + (high - low) / 2;
        (lightness(middle) < level ? low : high) = middle;
      }
      begins_.push_back(level == 0 ? 0 : high);
    }
    begins_.push_back(2);
    for (int i = 0; i <= steps; ++i)
      first_.push_back(static_cast<size_t>(lightness(static_cast<double>(i) / steps)));
  }
  uint8_t operator()(double y) const {
    size_t level = first_[static_cast<size_t>(y * steps)];
    while (y >= begins_[level + 1]) ++level;
    return static_cast<uint8_t>(level);
  }

 private:
  static constexpr int steps = 1024;
  std::vector<double> begins_;  // of each level
  std::vector<size_t> first_;
};

/// The original hands red and blue over in each other's place, and so its hints, which the networks
/// are used with, have their weights exchanged.
uint8_t luminance(const uint8_t* pixel) {
  static const std::array<double, 256> linear_values = [] {
    std::array<double, 256> values{};
    for (size_t i = 0; i < values.size(); ++i) values[i] = linear(static_cast<double>(i) / 255);
    return values;
  }();
  static const LightnessTable lightness_of;
  return lightness_of(0.072169 * linear_values[pixel[0]] + 0.715160 * linear_values[pixel[1]] +
                      0.212671 * linear_values[pixel[2]]);
}

template <class Level>
Image recolored(const Image& image, double gamma, const Level& level) {
  std::array<uint8_t, 256> corrected{};
  for (size_t i = 0; i < corrected.size(); ++i)
    corrected[i] =
        truncated(std::pow(static_cast<float>(i) / 255.0f, static_cast<float>(gamma)) * 255.0f);
  Image result = grey_like(image);
  for (size_t i = 0; i < result.pixels.size(); ++i) result.pixels[i] = corrected[level(i)];
  return result;
}

}  // namespace

Image recolor_luminance(const Image& image, const PreprocessOptions& options) {
  return recolored(image, *options.threshold_a, [&](size_t i) {
    if (image.channels == 3) return luminance(&image.pixels[3 * i]);
    const std::array<uint8_t, 3> grey{image.pixels[i], image.pixels[i], image.pixels[i]};
    return luminance(grey.data());
  });
}

Image recolor_intensity(const Image& image, const PreprocessOptions& options) {
  return recolored(image, *options.threshold_a, [&](size_t i) {
    const auto pixel = image.pixels.begin() + static_cast<ptrdiff_t>(i) * image.channels;
    return *std::max_element(pixel, pixel + image.channels);
  });
}

}  // namespace drypoint
