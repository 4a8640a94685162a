#include <cmath>

#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image blur_gaussian(const Image& image, const PreprocessOptions& options) {
  const double sigma = *options.threshold_a;
  Image result = image;
  std::ranges::transform(gaussian(image, sigma, taps_of_bytes(sigma)), result.pixels.begin(),
                         [](float value) { return static_cast<uint8_t>(std::lround(value)); });
  return result;
}

}  // namespace drypoint
