#include "base/error.h"
#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image inpaint(const Image& image, const PreprocessOptions& options) {
  const Image& mask = options.mask;
  if (mask.pixels.empty())
    fail(ErrorKind::bad_argument,
         "mask: none was given, expected one for the preprocessor inpaint");
  if (mask.width != image.width || mask.height != image.height)
    fail(ErrorKind::bad_argument, "mask: {}x{} pixels, expected the picture's {}x{}", mask.height,
         mask.width, image.height, image.width);
  Image result = image;
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < pixels_of(image); ++i)
    if (mask.pixels[i * static_cast<size_t>(mask.channels)] >= 128)
      std::fill_n(result.pixels.begin() + static_cast<ptrdiff_t>(i * channels), channels,
                  uint8_t{0});
  return result;
}

}  // namespace drypoint
