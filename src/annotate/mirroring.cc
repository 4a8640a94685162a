#include "annotate/mirroring.h"

#include "image/mirrored.h"

namespace drypoint {

ImageSize filled_up(ImageSize size, int multiple) {
  const auto filled = [&](int side) { return (side + multiple - 1) / multiple * multiple; };
  return {filled(size.width), filled(size.height)};
}

Image mirrored_to(const Image& image, ImageSize size) {
  Image result{size.width, size.height, image.channels, {}};
  const auto channels = static_cast<size_t>(image.channels);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const int64_t pixel =
          int64_t{mirrored(y, image.height)} * image.width + mirrored(x, image.width);
      const uint8_t* from = &image.pixels[static_cast<size_t>(pixel) * channels];
      result.pixels.insert(result.pixels.end(), from, from + channels);
    }
  return result;
}

std::vector<float> cut_plane(std::span<const float> plane, ImageSize from, ImageSize to) {
  std::vector<float> part;
  for (int y = 0; y < to.height; ++y) {
    const auto row = plane.subspan(static_cast<size_t>(y) * from.width, to.width);
    part.insert(part.end(), row.begin(), row.end());
  }
  return part;
}

}  // namespace drypoint
