#include "image/edge_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"

namespace drypoint {

std::optional<std::string> edge_map_notice(const Image& image) {
  constexpr uint8_t black = 32, white = 223;  // or nearly so: lossy files and soft lines count
  size_t between = 0, bright = 0;
  const auto channels = static_cast<size_t>(image.channels);
  const auto count = [&](uint8_t least, uint8_t most) {
    between += most > black && least < white ? 1 : 0;
    bright += least >= white ? 1 : 0;
  };
  if (channels == 1)
    for (const uint8_t value : image.pixels) count(value, value);
  else
    for (size_t i = 0; i < image.pixels.size(); i += channels) {
      const auto pixel = std::span(image.pixels).subspan(i, channels);
      const auto [least, most] = std::ranges::minmax(pixel);
      count(least, most);
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
