#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "drypoint/score.h"

namespace drypoint {
namespace {

void expect_alike(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels)
    fail(ErrorKind::bad_argument,
         "pictures of {}x{} with {} channels and {}x{} with {}, expected "
         "two alike",
         a.width, a.height, a.channels, b.width, b.height, b.channels);
}

/// Values, row by row.
struct Plane {
  int width = 0, height = 0;
  std::vector<double> values;
};

Plane luma(const Image& image) {
  Plane plane{image.width, image.height, {}};
  const size_t pixels = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  plane.values.resize(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* p = image.pixels.data() + i * static_cast<size_t>(image.channels);
    plane.values[i] = image.channels == 3 ? 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] : p[0];
  }
  return plane;
}

constexpr int window = 11, reach = window / 2;

std::array<double, window> gaussian() {
  std::array<double, window> weights{};
  double sum = 0;
  for (int i = 0; i < window; ++i) {
    const double x = i - reach;
    sum += weights[static_cast<size_t>(i)] = std::exp(-x * x / (2 * 1.5 * 1.5));
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Weighted means of a(i) b(i) under each window that lies inside the picture.
Plane means(const Plane& a, const Plane* b) {
  static const auto weights = gaussian();
  const int width = a.width - window + 1, height = a.height - window + 1;
  Plane rows{width, a.height, std::vector<double>(static_cast<size_t>(width) * a.height)};
  for (int y = 0; y < a.height; ++y)
    for (int x = 0; x < width; ++x) {
      double sum = 0;
      for (int i = 0; i < window; ++i) {
        const size_t at = static_cast<size_t>(y) * a.width + x + i;
        sum += weights[static_cast<size_t>(i)] * a.values[at] * (b ? b->values[at] : 1.0);
      }
      rows.values[static_cast<size_t>(y) * width + x] = sum;
    }
  Plane result{width, height, std::vector<double>(static_cast<size_t>(width) * height)};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double sum = 0;
      for (int i = 0; i < window; ++i)
        sum +=
            weights[static_cast<size_t>(i)] * rows.values[static_cast<size_t>(y + i) * width + x];
      result.values[static_cast<size_t>(y) * width + x] = sum;
    }
  return result;
}

}  // namespace

double psnr(const Image& a, const Image& b) {
  expect_alike(a, b);
  double squares = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double difference = int{a.pixels[i]} - int{b.pixels[i]};
    squares += difference * difference;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.pixels.size()) / squares);
}

double ssim(const Image& first, const Image& second) {
  expect_alike(first, second);
  if (std::min(first.width, first.height) < window)
    fail(ErrorKind::bad_argument, "pictures of {}x{}, expected sides of {} or more", first.width,
         first.height, window);
  constexpr double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
  const Plane a = luma(first), b = luma(second);
  const Plane mean_a = means(a, nullptr), mean_b = means(b, nullptr), aa = means(a, &a),
              bb = means(b, &b), ab = means(a, &b);
  double sum = 0;
  for (size_t i = 0; i < aa.values.size(); ++i) {
    const double ma = mean_a.values[i], mb = mean_b.values[i];
    const double variances = aa.values[i] - ma * ma + bb.values[i] - mb * mb;
    const double covariance = ab.values[i] - ma * mb;
    sum +=
        (2 * ma * mb + c1) * (2 * covariance + c2) / ((ma * ma + mb * mb + c1) * (variances + c2));
  }
  return sum / static_cast<double>(aa.values.size());
}

}  // namespace drypoint
