#include "image/pillow.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace drypoint {
namespace {

constexpr int pillow_bits = 22;  // after the point of a weight

size_t offset_of(const Image& image, int x, int y) {
  return (static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x)) *
         static_cast<size_t>(image.channels);
}

Image black(ImageSize size, int channels) {
  Image image{size.width, size.height, channels, {}};
  image.pixels.resize(offset_of(image, 0, size.height));
  return image;
}

double sinc(double x) {
  return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi);
}

double lanczos_kernel(double x) { return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

double bicubic_kernel(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/// The pixels that one of the result is made of.
struct Taps {
  int first = 0;
  std::vector<int> weights;  // in units of 2^-22
};

/// Pillow's precompute_coeffs and normalize_coeffs_8bpc.
std::vector<Taps> taps_for(int from, int to, PillowFilter filter) {
  const bool cubic = filter == PillowFilter::bicubic;
  const double scale = static_cast<double>(from) / to, widened = std::max(scale, 1.0);
  const double support = (cubic ? 2 : 3) * widened, narrowed = 1 / widened;
  std::vector<Taps> all;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    Taps taps{std::max(static_cast<int>(std::floor(center - support + 0.5)), 0), {}};
    const int end = std::min(static_cast<int>(std::floor(center + support + 0.5)), from);
    std::vector<double> weights;
    double sum = 0;
    for (int k = taps.first; k < end; ++k) {
      const double x = (k - center + 0.5) * narrowed;
      sum += weights.emplace_back(cubic ? bicubic_kernel(x) : lanczos_kernel(x));
    }
    for (const double weight : weights) {
      const double exact = (sum == 0 ? weight : weight / sum) * (1 << pillow_bits);
      taps.weights.push_back(static_cast<int>(exact + (exact < 0 ? -0.5 : 0.5)));
    }
    all.push_back(std::move(taps));
  }
  return all;
}

uint8_t rounded_sum(const Taps& taps, const uint8_t* pixels, size_t stride) {
  int sum = 1 << (pillow_bits - 1);
  for (size_t k = 0; k < taps.weights.size(); ++k)
    sum += taps.weights[k] * pixels[(static_cast<size_t>(taps.first) + k) * stride];
  return static_cast<uint8_t>(std::clamp(sum >> pillow_bits, 0, 255));
}

Image resized_across(const Image& image, int width, PillowFilter filter) {
  if (width == image.width) return image;
  Image result = black({width, image.height}, image.channels);
  const auto all = taps_for(image.width, width, filter);
  const auto channels = static_cast<size_t>(image.channels);
  uint8_t* out = result.pixels.data();
  for (int y = 0; y < image.height; ++y)
    for (const Taps& taps : all)
      for (size_t c = 0; c < channels; ++c)
        *out++ = rounded_sum(taps, &image.pixels[offset_of(image, 0, y) + c], channels);
  return result;
}

Image resized_down(const Image& image, int height, PillowFilter filter) {
  if (height == image.height) return image;
  Image result = black({image.width, height}, image.channels);
  const auto all = taps_for(image.height, height, filter);
  const size_t row = offset_of(image, 0, 1);
  uint8_t* out = result.pixels.data();
  for (const Taps& taps : all)
    for (size_t i = 0; i < row; ++i) *out++ = rounded_sum(taps, &image.pixels[i], row);
  return result;
}

/// The pixel under each result's middle. Pillow adds up the way there, so its rounding counts.
std::vector<int> nearest_along(int from, int to) {
  const double step = static_cast<double>(from) / to;
  std::vector<int> pixels;
  double at = step * 0.5;
  for (int i = 0; i < to; ++i, at += step)
    pixels.push_back(std::min(static_cast<int>(at), from - 1));
  return pixels;
}

Image resized_to_nearest(const Image& image, ImageSize size) {
  Image result = black(size, image.channels);
  const std::vector<int> columns = nearest_along(image.width, size.width),
                         rows = nearest_along(image.height, size.height);
  uint8_t* out = result.pixels.data();
  for (const int row : rows)
    for (const int column : columns)
      out = std::copy_n(&image.pixels[offset_of(image, column, row)], image.channels, out);
  return result;
}

}  // namespace

Image pillow_resize(const Image& image, ImageSize size, PillowFilter filter) {
  if (filter == PillowFilter::nearest) return resized_to_nearest(image, size);
  return resized_down(resized_across(image, size.width, filter), size.height, filter);
}

Image part_of(const Image& image, const Region& region) {
  Image part = black(region.size, image.channels);
  put(part, image, -region.x, -region.y);
  return part;
}

void put(Image& image, const Image& part, int x, int y) {
  const int first = std::max(-x, 0), last = std::min(part.width, image.width - x);
  if (first >= last) return;
  const int top = std::max(-y, 0), bottom = std::min(part.height, image.height - y);
  const auto count = static_cast<ptrdiff_t>(last - first) * part.channels;
  for (int row = top; row < bottom; ++row)
    std::copy_n(
        part.pixels.begin() + static_cast<ptrdiff_t>(offset_of(part, first, row)), count,
        image.pixels.begin() + static_cast<ptrdiff_t>(offset_of(image, x + first, y + row)));
}

Image as_grey(const Image& image) {
  if (image.channels == 1) return image;
  Image grey = black({image.width, image.height}, 1);
  for (size_t i = 0; i < grey.pixels.size(); ++i) {
    const uint8_t* rgb = &image.pixels[i * static_cast<size_t>(image.channels)];
    grey.pixels[i] =
        static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
  }
  return grey;
}

Image as_rgb(const Image& image) {
  if (image.channels == 3) return image;
  Image rgb = black({image.width, image.height}, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    std::fill_n(&rgb.pixels[3 * i], 3, image.pixels[i]);
  return rgb;
}

namespace {

/// What a place beyond a border is made of: the border's own pixel and the one behind it, by 9/8
/// and -1/8. That is what Pillow's bicubic resizing makes of the empty strip along the border, with
/// which the web UI fills the rest.
struct Beyond {
  int edge = 0, next = 0;
};
Beyond beyond(int at, int count) {
  const int edge = std::clamp(at, 0, count - 1);
  const int inwards = at < edge ? 1 : at > edge ? -1 : 0;
  return {edge, std::clamp(edge + inwards, 0, count - 1)};
}

}  // namespace

Image fitted(const Image& image, ImageSize size, ResizeMode mode) {
  const ImageSize own{image.width, image.height};
  if (own == size) return image;
  if (mode == ResizeMode::stretch) return pillow_resize(image, size, PillowFilter::lanczos);
  // The picture's own proportions, to cover the size or to lie in it.
  const int64_t wide = int64_t{size.width} * own.height, high = int64_t{size.height} * own.width;
  const bool by_width = mode == ResizeMode::crop ? wide > high : wide < high;
  ImageSize scaled = size;
  if (by_width)
    scaled.height = std::max(static_cast<int>(int64_t{own.height} * size.width / own.width), 1);
  else
    scaled.width = std::max(static_cast<int>(int64_t{own.width} * size.height / own.height), 1);
  const Image whole = pillow_resize(image, scaled, PillowFilter::lanczos);
  const int x = size.width / 2 - scaled.width / 2, y = size.height / 2 - scaled.height / 2;
  Image result = black(size, image.channels);
  put(result, whole, x, y);
  if (mode == ResizeMode::crop) return result;
  for (int row = 0; row < size.height; ++row)
    for (int column = 0; column < size.width; ++column) {
      const Beyond across = beyond(column - x, scaled.width), down = beyond(row - y, scaled.height);
      if (across.edge == column - x && down.edge == row - y) continue;
      const uint8_t* edge = &whole.pixels[offset_of(whole, across.edge, down.edge)];
      const uint8_t* next = &whole.pixels[offset_of(whole, across.next, down.next)];
      uint8_t* out = &result.pixels[offset_of(result, column, row)];
      for (int c = 0; c < image.channels; ++c)
        out[c] = static_cast<uint8_t>(std::clamp((9 * edge[c] - next[c] + 4) >> 3, 0, 255));
    }
  return result;
}

}  // namespace drypoint
