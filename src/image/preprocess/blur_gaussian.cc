#include "image/preprocess/pixels.h"
#include "image/preprocess/preprocessors.h"

namespace drypoint {

Image blur_gaussian(const Image& image, const PreprocessOptions& options) {
  return gaussian_blurred(image, *options.threshold_a);
}

}  // namespace drypoint
