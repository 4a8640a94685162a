#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image binarize(const Image& image, const PreprocessOptions& options) {
  Image result = grey_like(image);
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    const auto pixel = image.pixels.begin() + static_cast<ptrdiff_t>(i) * image.channels;
    result.pixels[i] = *std::min_element(pixel, pixel + image.channels) > *options.threshold_a
                           ? uint8_t{255}
                           : uint8_t{0};
  }
  return result;
}

}  // namespace drypoint
