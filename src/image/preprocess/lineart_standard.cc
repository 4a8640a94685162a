#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {
namespace {

/// As NumPy's: of an even number the mean of the middle two.
float median(std::vector<float> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

/// How much darker it is than around it, in units of which the lines' median is half of white.
Image lineart_standard(const Image& image, const PreprocessOptions& /*options*/) {
  GaussianRows blurred(image, 6, taps_of_floats(6));
  const auto channels = static_cast<size_t>(image.channels);
  std::vector<float> intensity, lines;
  intensity.reserve(pixels_of(image));
  const uint8_t* pixel = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    const float* around = blurred.next().data();
    for (int x = 0; x < image.width; ++x, pixel += channels, around += channels) {
      float least = 255;
      for (size_t c = 0; c < channels; ++c)
        least = std::min(least, around[c] - static_cast<float>(pixel[c]));
      intensity.push_back(std::clamp(least, 0.0f, 255.0f));
      if (intensity.back() > 8) lines.push_back(intensity.back());
    }
  }
  const float unit = lines.empty() ? 16 : std::max(16.0f, median(std::move(lines)));
  Image result = grey_like(image);
  std::ranges::transform(intensity, result.pixels.begin(),
                         [&](float value) { return truncated(value / unit * 127); });
  return result;
}

}  // namespace drypoint
