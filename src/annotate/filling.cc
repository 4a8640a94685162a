#include "annotate/filling.h"

#include <algorithm>

namespace drypoint {

ImageSize filled_up(ImageSize size, int multiple) {
  const auto filled = [&](int side) { return (side + multiple - 1) / multiple * multiple; };
  return {filled(size.width), filled(size.height)};
}

Image filled_up(const Image& image, ImageSize size) {
  if (image.width == size.width && image.height == size.height) return image;
  Image result{size.width, size.height, image.channels, {}};
  const auto channels = static_cast<size_t>(image.channels);
  const size_t row = static_cast<size_t>(image.width) * channels;
  result.pixels.reserve(static_cast<size_t>(size.width) * static_cast<size_t>(size.height) *
                        channels);
  for (int y = 0; y < size.height; ++y) {
    const uint8_t* from = &image.pixels[static_cast<size_t>(std::min(y, image.height - 1)) * row];
    result.pixels.insert(result.pixels.end(), from, from + row);
    for (int x = image.width; x < size.width; ++x)
      result.pixels.insert(result.pixels.end(), from + row - channels, from + row);
  }
  return result;
}

}  // namespace drypoint
