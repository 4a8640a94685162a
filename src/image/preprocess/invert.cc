#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image invert(const Image& image, const PreprocessOptions& /*options*/) {
  Image result = image;
  for (uint8_t& value : result.pixels) value = static_cast<uint8_t>(255 - value);
  return result;
}

}  // namespace drypoint
