#include "image/blur.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "image/mirrored.h"

namespace drypoint {
namespace {

constexpr int kernel_bits = 8;

/// In units of 2^-8, as OpenCV's GaussianBlur has it for bytes: what rounding leaves of a weight
/// goes to the next one, what it leaves of all to the middle.
std::vector<int> gaussian_kernel(double sigma) {
  const int radius = static_cast<int>(std::floor(2.5 * sigma + 0.5));
  std::vector<double> exact;
  double sum = 0;
  for (int k = -radius; k <= radius; ++k)
    sum += exact.emplace_back(std::exp(-0.5 * k * k / (sigma * sigma)));
  std::vector<int> kernel(exact.size());
  double rest = 0;
  int left = 1 << kernel_bits;
  for (size_t i = 0; i < exact.size() / 2; ++i) {
    const double wanted = exact[i] / sum * (1 << kernel_bits) + rest;
    kernel[i] = static_cast<int>(std::nearbyint(wanted));
    kernel[kernel.size() - 1 - i] = kernel[i];
    rest = wanted - kernel[i];
    left -= 2 * kernel[i];
  }
  kernel[kernel.size() / 2] = left;
  return kernel;
}

/// `lines` rows or columns of `count` pixels, `step` apart.
void blur_lines(Image& image, const std::vector<int>& kernel, int lines, size_t line_step,
                int count, size_t step) {
  const int radius = static_cast<int>(kernel.size() / 2);
  std::vector<uint8_t> result(static_cast<size_t>(count));
  for (int line = 0; line < lines; ++line) {
    uint8_t* pixels = &image.pixels[static_cast<size_t>(line) * line_step];
    for (int i = 0; i < count; ++i) {
      int sum = 1 << (kernel_bits - 1);
      for (size_t k = 0; k < kernel.size(); ++k)
        sum +=
            kernel[k] *
            pixels[static_cast<size_t>(mirrored(i + static_cast<int>(k) - radius, count)) * step];
      result[static_cast<size_t>(i)] = static_cast<uint8_t>(sum >> kernel_bits);
    }
    for (size_t i = 0; i < result.size(); ++i) pixels[i * step] = result[i];
  }
}

using Colour = std::array<float, 4>;  // red, green, blue, each times the last, which is opacity

/// Of the box blur that, three times over, is a Gaussian one: P. Gwosdek and others, "Theoretical
/// foundations of Gaussian convolution by extended box filtering" (2011), formulas 7, 11 and 14.
double box_radius(double sigma) {
  const double variance = sigma * sigma / 3;
  const double whole = std::floor((std::sqrt(12 * variance + 1) - 1) / 2);
  return whole + (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) /
                     (6 * (variance - (whole + 1) * (whole + 1)));
}

/// Beyond the border all is as at it. The two pixels at the ends of the box count in part.
void box_blur(std::vector<Colour>& pixels, int lines, size_t line_step, int count, size_t step,
              double radius) {
  const int whole = static_cast<int>(radius);
  const float inner = static_cast<float>(1 / (2 * radius + 1)),
              outer = static_cast<float>(radius - whole) * inner;
  std::vector<Colour> result(static_cast<size_t>(count));
  for (int line = 0; line < lines; ++line) {
    Colour* own = &pixels[static_cast<size_t>(line) * line_step];
    const auto at = [&](int i) -> const Colour& {
      return own[static_cast<size_t>(std::clamp(i, 0, count - 1)) * step];
    };
    std::array<double, 4> sum{};
    for (int i = -whole; i <= whole; ++i)
      for (size_t c = 0; c < 4; ++c) sum[c] += at(i)[c];
    for (int i = 0; i < count; ++i) {
      for (size_t c = 0; c < 4; ++c) {
        result[static_cast<size_t>(i)][c] = inner * static_cast<float>(sum[c]) +
                                            outer * (at(i - whole - 1)[c] + at(i + whole + 1)[c]);
        sum[c] += double{at(i + whole + 1)[c]} - at(i - whole)[c];
      }
    }
    for (size_t i = 0; i < result.size(); ++i) own[i * step] = result[i];
  }
}

/// One line of Pillow's box blur (libImaging/BoxBlur.c), in 24 fractional bits. Beyond the border
/// all is as at it.
void pillow_box_line(const uint8_t* in, uint8_t* out, int count, float radius) {
  const int whole = static_cast<int>(radius);
  const auto inner = static_cast<uint32_t>(static_cast<float>(1 << 24) / (radius * 2 + 1));
  const uint32_t outer = ((1u << 24) - static_cast<uint32_t>(whole * 2 + 1) * inner) / 2;
  const auto at = [&](int i) { return uint32_t{in[std::clamp(i, 0, count - 1)]}; };
  uint32_t sum = 0;
  for (int i = -whole; i <= whole; ++i) sum += at(i);
  for (int i = 0; i < count; ++i) {
    const uint32_t all = sum * inner + (at(i - whole - 1) + at(i + whole + 1)) * outer;
    out[i] = static_cast<uint8_t>((all + (1u << 23)) >> 24);
    sum += at(i + whole + 1) - at(i - whole);
  }
}

/// One channel -> the same with rows and columns exchanged, each row blurred three times.
Image blurred_and_turned(const Image& image, float radius) {
  Image turned{image.height, image.width, 1, std::vector<uint8_t>(image.pixels.size())};
  std::vector<uint8_t> line(static_cast<size_t>(image.width)), other(line);
  for (int y = 0; y < image.height; ++y) {
    std::copy_n(&image.pixels[static_cast<size_t>(y) * line.size()], line.size(), line.begin());
    for (int pass = 0; pass < 3; ++pass) {
      pillow_box_line(line.data(), other.data(), image.width, radius);
      line.swap(other);
    }
    for (size_t x = 0; x < line.size(); ++x)
      turned.pixels[x * static_cast<size_t>(image.height) + static_cast<size_t>(y)] = line[x];
  }
  return turned;
}

}  // namespace

Image pillow_gaussian_blur(const Image& image, double sigma) {
  const auto radius = static_cast<float>(box_radius(sigma));
  return blurred_and_turned(blurred_and_turned(image, radius), radius);
}

Image gaussian_blur(const Image& image, double sigma) {
  Image result = image;
  if (sigma == 0) return result;
  const auto kernel = gaussian_kernel(sigma);
  const auto row = static_cast<size_t>(image.width);
  blur_lines(result, kernel, image.height, row, image.width, 1);
  blur_lines(result, kernel, image.width, 1, image.height, row);
  return result;
}

Image filled_from_around(const Image& image, const Image& mask) {
  const size_t count = mask.pixels.size(), row = static_cast<size_t>(image.width);
  std::vector<Colour> kept(count), result(count);
  for (size_t i = 0; i < count; ++i) {
    const float opacity = static_cast<float>(255 - mask.pixels[i]) / 255.0f;
    for (size_t c = 0; c < 3; ++c)
      kept[i][c] = static_cast<float>(image.pixels[3 * i + c]) * opacity;
    kept[i][3] = opacity;
  }
  constexpr std::pair<double, int> layers[] = {{256, 1}, {64, 1}, {16, 2}, {4, 4}, {2, 2}, {0, 1}};
  for (const auto& [sigma, times] : layers) {
    std::vector<Colour> blurred = kept;
    for (int pass = 0; sigma > 0 && pass < 3; ++pass)
      box_blur(blurred, image.height, row, image.width, 1, box_radius(sigma));
    for (int pass = 0; sigma > 0 && pass < 3; ++pass)
      box_blur(blurred, image.width, 1, image.height, row, box_radius(sigma));
    for (int time = 0; time < times; ++time)
      for (size_t i = 0; i < count; ++i)
        for (size_t c = 0; c < 4; ++c)
          result[i][c] = blurred[i][c] + result[i][c] * (1 - blurred[i][3]);
  }
  Image filled = image;
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < 3 && result[i][3] > 0; ++c)
      filled.pixels[3 * i + c] =
          static_cast<uint8_t>(std::clamp(std::lround(result[i][c] / result[i][3]), 0L, 255L));
  return filled;
}

}  // namespace drypoint
