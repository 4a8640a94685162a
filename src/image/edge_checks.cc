#include "image/edge_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace drypoint {

std::optional<std::string> edge_map_notice(const Image& image) {
  constexpr uint8_t black = 32, white = 223;  // or nearly so: lossy files and soft lines count
  size_t between = 0, bright = 0;
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < image.pixels.size(); i += channels) {
    uint8_t least = image.pixels[i], most = least;
    for (size_t c = 1; c < channels; ++c) {
      least = std::min(least, image.pixels[i + c]);
      most = std::max(most, image.pixels[i + c]);
    }
    between += most > black && least < white;
    bright += least >= white;
  }
  const size_t pixels = std::max<size_t>(image.pixels.size() / channels, 1);
  if (2 * between > pixels)
    return fmt::format(
        "edges: {} % of the pixels are neither black nor white, as in a photo; expected white "
        "edges "
        "on black (of a picture given as image, not as edges, they are found)",
        100 * between / pixels);
  if (2 * bright > pixels)
    return fmt::format("edges: {} % of the pixels are white, expected white edges on black",
                       100 * bright / pixels);
  return std::nullopt;
}

}  // namespace drypoint
