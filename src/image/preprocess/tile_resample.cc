#include "image/preprocess/preprocessors.h"
#include "image/resample.h"

namespace drypoint {

Image tile_resample(const Image& image, const PreprocessOptions& options) {
  const double rate = *options.threshold_a;
  if (rate < 1.1) return image;
  const auto smaller = [&](int side) { return std::max(static_cast<int>(side / rate), 1); };
  return resize_cubic(resize_area(image, {smaller(image.width), smaller(image.height)}),
                      {image.width, image.height});
}

}  // namespace drypoint
