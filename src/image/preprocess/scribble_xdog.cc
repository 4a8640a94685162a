#include <functional>

#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

/// White where the picture is darker than around it, in the channel where it is most so.
Image scribble_xdog(const Image& image, const PreprocessOptions& options) {
  GaussianRows near(image, 0.5, taps_of_floats(0.5)), far(image, 5, taps_of_floats(5));
  Image result = grey_like(image);
  const auto channels = static_cast<size_t>(image.channels);
  const auto width = static_cast<size_t>(image.width);
  std::vector<float> darker(width * channels);
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    std::ranges::transform(far.next(), near.next(), darker.begin(), std::minus());
    for (size_t x = 0; x < width; ++x) {
      float least = darker[x * channels];
      for (size_t c = 1; c < channels; ++c) least = std::min(least, darker[x * channels + c]);
      // In bytes, twice of which wraps round in the original.
      const auto difference = static_cast<uint8_t>(255 - truncated(255 - least));
      result.pixels[y * width + x] =
          static_cast<uint8_t>(2 * difference) > *options.threshold_a ? uint8_t{255} : uint8_t{0};
    }
  }
  return result;
}

}  // namespace drypoint
