#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

/// White where the picture is darker than around it, in the channel where it is most so.
Image scribble_xdog(const Image& image, const PreprocessOptions& options) {
  const std::vector<float> near = gaussian(image, 0.5, taps_of_floats(0.5)),
                           far = gaussian(image, 5, taps_of_floats(5));
  Image result = grey_like(image);
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    float least = far[i * channels] - near[i * channels];
    for (size_t k = i * channels; k < (i + 1) * channels; ++k)
      least = std::min(least, far[k] - near[k]);
    // In bytes, twice of which wraps round in the original.
    const auto difference = static_cast<uint8_t>(255 - truncated(255 - least));
    result.pixels[i] =
        static_cast<uint8_t>(2 * difference) > *options.threshold_a ? uint8_t{255} : uint8_t{0};
  }
  return result;
}

}  // namespace drypoint
