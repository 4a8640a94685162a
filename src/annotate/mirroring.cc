#include "annotate/mirroring.h"

#include "image/mirrored.h"

namespace drypoint {

ImageSize filled_up(ImageSize size, int multiple) {
  const auto filled = [&](int side) { return (side + multiple - 1) / multiple * multiple; };
  return {filled(size.width), filled(size.height)};
}

Image mirrored_to(const Image& image, ImageSize size) {
  if (image.width == size.width && image.height == size.height) return image;
  Image result{size.width, size.height, image.channels, {}};
  const auto channels = static_cast<size_t>(image.channels);
  const size_t row = static_cast<size_t>(image.width) * channels;
  result.pixels.reserve(static_cast<size_t>(size.width) * static_cast<size_t>(size.height) *
                        channels);
  for (int y = 0; y < size.height; ++y) {
    const uint8_t* from = &image.pixels[static_cast<size_t>(mirrored(y, image.height)) * row];
    result.pixels.insert(result.pixels.end(), from, from + row);
    for (int x = image.width; x < size.width; ++x) {
      const uint8_t* pixel = from + static_cast<size_t>(mirrored(x, image.width)) * channels;
      result.pixels.insert(result.pixels.end(), pixel, pixel + channels);
    }
  }
  return result;
}

PartOfPlane cut_plane(std::span<const float> plane, ImageSize from, ImageSize to) {
  if (from == to) return {{}, plane};
  PartOfPlane part;
  part.own.reserve(static_cast<size_t>(to.width) * static_cast<size_t>(to.height));
  for (int y = 0; y < to.height; ++y) {
    const auto row = plane.subspan(static_cast<size_t>(y) * from.width, to.width);
    part.own.insert(part.own.end(), row.begin(), row.end());
  }
  part.values = part.own;
  return part;
}

}  // namespace drypoint
