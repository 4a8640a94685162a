#include "image/fill.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "image/pillow.h"
#include "image/resample.h"

namespace drypoint {
namespace {

/// More than two, so no drawing of lines, and so few that each may mean something.
bool has_few_colours(const Image& image) {
  std::set<uint32_t> colours;
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < image.pixels.size() && colours.size() < 200; i += channels) {
    uint32_t colour = 0;
    for (size_t c = 0; c < channels; ++c) colour = colour << 8 | image.pixels[i + c];
    colours.insert(colour);
  }
  return colours.size() > 2 && colours.size() < 200;
}

/// OpenCV's INTER_NEAREST: the pixel at or before a place.
Image nearest_before(const Image& image, ImageSize to) {
  Image out{to.width, to.height, image.channels, {}};
  const auto source = [](int at, int from, int size) {
    return std::min(static_cast<int>(std::floor(at * (1 / (double(size) / from)))), from - 1);
  };
  for (int y = 0; y < to.height; ++y)
    for (int x = 0; x < to.width; ++x) {
      const auto pixel =
          image.pixels.begin() + (ptrdiff_t{source(y, image.height, to.height)} * image.width +
                                  source(x, image.width, to.width)) *
                                     image.channels;
      out.pixels.insert(out.pixels.end(), pixel, pixel + image.channels);
    }
  return out;
}

/// The median of the border's pixels, each channel by itself; of an even number the whole part of
/// the mean of the middle two, as NumPy's.
std::vector<uint8_t> border_colour(const Image& image) {
  const auto at = [&](int row, int column, int channel) {
    return image.pixels[(size_t(row) * image.width + column) * image.channels + channel];
  };
  std::vector<uint8_t> colour;
  for (int channel = 0; channel < image.channels; ++channel) {
    std::vector<uint8_t> values;
    for (int column = 0; column < image.width; ++column)
      for (const int row : {0, image.height - 1}) values.push_back(at(row, column, channel));
    for (int row = 0; row < image.height; ++row)
      for (const int column : {0, image.width - 1}) values.push_back(at(row, column, channel));
    const auto middle = values.begin() + ptrdiff_t(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    colour.push_back(uint8_t((*middle + *std::max_element(values.begin(), middle)) / 2));
  }
  return colour;
}

Image on_colour(const Image& image, ImageSize to, const std::vector<uint8_t>& colour) {
  const Image part = resized_within(image, to);
  Image out{to.width, to.height, image.channels, {}};
  for (int64_t i = 0; i < int64_t{to.width} * to.height; ++i)
    out.pixels.insert(out.pixels.end(), colour.begin(), colour.end());
  put(out, part, (to.width - part.width) / 2, (to.height - part.height) / 2);
  return out;
}

}  // namespace

ImageSize size_within(ImageSize from, ImageSize to) {
  const double scale = std::min(double(to.width) / from.width, double(to.height) / from.height);
  const auto part_of = [&](int side, int whole) {
    return std::clamp(int(std::nearbyint(side * scale)), 1, whole);
  };
  return {part_of(from.width, to.width), part_of(from.height, to.height)};
}

Image resized_within(const Image& image, ImageSize to) {
  const ImageSize own{image.width, image.height}, size = size_within(own, to);
  if (size == own) return image;
  if (has_few_colours(image)) return nearest_before(image, size);
  const bool shrinks = int64_t{size.width} * size.height < int64_t{own.width} * own.height;
  return shrinks ? resize_area(image, size) : resize_cubic(image, size);
}

Image on_border_colour(const Image& image, ImageSize to) {
  return on_colour(image, to, border_colour(image));
}

Image on_white(const Image& mask, ImageSize to) {
  return on_colour(mask, to, std::vector<uint8_t>(static_cast<size_t>(mask.channels), 255));
}

}  // namespace drypoint
