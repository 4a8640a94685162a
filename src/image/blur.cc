#include "image/blur.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "image/mirrored.h"

namespace drypoint {
namespace {

std::vector<double> gaussian_kernel(double sigma) {
  const int radius = static_cast<int>(std::floor(2.5 * sigma + 0.5));
  std::vector<double> kernel;
  double sum = 0;
  for (int k = -radius; k <= radius; ++k)
    sum += kernel.emplace_back(std::exp(-0.5 * k * k / (sigma * sigma)));
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

/// `lines` rows or columns of `count` pixels, `step` apart.
void blur_lines(Image& image, const std::vector<double>& kernel, int lines, size_t line_step,
                int count, size_t step) {
  const int radius = static_cast<int>(kernel.size() / 2);
  std::vector<uint8_t> result(static_cast<size_t>(count));
  for (int line = 0; line < lines; ++line) {
    uint8_t* pixels = &image.pixels[static_cast<size_t>(line) * line_step];
    for (int i = 0; i < count; ++i) {
      double sum = 0;
      for (size_t k = 0; k < kernel.size(); ++k)
        sum +=
            kernel[k] *
            pixels[static_cast<size_t>(mirrored(i + static_cast<int>(k) - radius, count)) * step];
      result[static_cast<size_t>(i)] = static_cast<uint8_t>(std::lround(sum));
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

}  // namespace

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
