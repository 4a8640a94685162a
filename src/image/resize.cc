#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "drypoint/edges.h"
#include "image/edge_checks.h"
#include "image/formats.h"
#include "image/resample.h"

namespace drypoint {
namespace {

double scale_to(ImageSize size, int resolution) {
  return double(resolution) / std::min(size.width, size.height);
}

/// A multiple of 64; `nearbyint` rounds ties to even.
double rounded(double side) { return std::max(std::nearbyint(side / 64) * 64, 64.0); }

}  // namespace

void check_resolution(int resolution) {
  if (resolution < 64 || resolution > 4096)
    fail(ErrorKind::bad_argument, "resolution: {}, expected 64 to 4096", resolution);
}

ImageSize control_size(ImageSize size, int resolution) {
  check_resolution(resolution);
  if (size.width < 1 || size.height < 1)
    fail(ErrorKind::bad_argument, "image: has {}x{} pixels", size.width, size.height);
  const double k = scale_to(size, resolution);
  const double width = rounded(size.width * k), height = rounded(size.height * k);
  if (width * height > double(most_pixels))
    fail(ErrorKind::bad_argument,
         "resolution: {} makes {}x{} pixels of {}x{}, expected at most {} megapixels", resolution,
         width, height, size.width, size.height, most_pixels / 1'000'000);
  return {int(width), int(height)};
}

Image resize_for_control(const Image& image, int resolution) {
  check_image(image);
  const ImageSize from{image.width, image.height}, to = control_size(from, resolution);
  return at_border("resizing", [&] {
    return scale_to(from, resolution) > 1 ? resize_lanczos(image, to) : resize_area(image, to);
  });
}

}  // namespace drypoint
