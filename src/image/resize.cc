#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "drypoint/edges.h"
#include "drypoint/preprocess.h"
#include "image/edge_checks.h"
#include "image/fill.h"
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

namespace {

Image resized(const Image& image, ImageSize to, bool enlarges) {
  return at_border("resizing",
                   [&] { return enlarges ? resize_lanczos(image, to) : resize_area(image, to); });
}

/// The part of this size from the middle.
Image cropped(const Image& image, ImageSize size) {
  Image out{size.width, size.height, image.channels, {}};
  const auto row = static_cast<size_t>(image.width) * image.channels;
  const auto part = static_cast<size_t>(size.width) * image.channels;
  const auto first = static_cast<size_t>(image.height - size.height) / 2 * row +
                     static_cast<size_t>(image.width - size.width) / 2 * image.channels;
  out.pixels.reserve(part * size.height);
  for (size_t y = 0; y < static_cast<size_t>(size.height); ++y) {
    const auto begin = image.pixels.begin() + static_cast<ptrdiff_t>(first + y * row);
    out.pixels.insert(out.pixels.end(), begin, begin + static_cast<ptrdiff_t>(part));
  }
  return out;
}

}  // namespace

Image resize_for_control(const Image& image, int resolution) {
  check_image(image);
  const ImageSize from{image.width, image.height};
  return resized(image, control_size(from, resolution), scale_to(from, resolution) > 1);
}

namespace {

void check_resized(ImageSize size) {
  if (size.width < 1 || size.height < 1 || int64_t{size.width} * size.height > most_pixels)
    fail(ErrorKind::bad_argument, "size: {}x{}, expected sides from 1 and at most {} megapixels",
         size.height, size.width, most_pixels / 1'000'000);
}

}  // namespace

Image resize_in_proportion(const Image& image, int resolution) {
  check_image(image);
  check_resolution(resolution);
  const double scale = scale_to({image.width, image.height}, resolution);
  const auto scaled = [&](int side) { return static_cast<int>(std::nearbyint(side * scale)); };
  const double most = double(std::max(image.width, image.height)) * scale * resolution;
  if (most > double(most_pixels))
    fail(ErrorKind::bad_argument,
         "resolution: {} makes {:.0f} pixels of {}x{}, expected at most {} megapixels", resolution,
         most, image.width, image.height, most_pixels / 1'000'000);
  const ImageSize size{scaled(image.width), scaled(image.height)};
  return at_border(
      "resizing", [&] { return scale > 1 ? resize_cubic(image, size) : resize_area(image, size); });
}

Image resize_for_control(const Image& image, ImageSize size, ResizeMode mode) {
  if (mode == ResizeMode::crop) return resize_for_control(image, size);
  check_image(image);
  check_resized(size);
  return at_border("resizing", [&] {
    if (mode == ResizeMode::fill) return on_border_colour(image, size);
    return resized(image, size,
                   int64_t{size.width} * size.height > int64_t{image.width} * image.height);
  });
}

Image resize_for_control(const Image& image, ImageSize size) {
  check_image(image);
  check_resized(size);
  const double scale =
      std::max(double(size.width) / image.width, double(size.height) / image.height);
  const auto part_of = [&](int side, int whole) {
    return std::clamp(static_cast<int>(std::lround(side / scale)), 1, whole);
  };
  return at_border("resizing", [&] {
    const Image part =
        cropped(image, {part_of(size.width, image.width), part_of(size.height, image.height)});
    return resized(part, size, scale > 1);
  });
}

}  // namespace drypoint
