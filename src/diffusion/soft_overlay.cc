#include "diffusion/soft_overlay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "image/blur.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

constexpr int kernel_radius = 2, kernel_size = 2 * kernel_radius + 1;

/// exp(-d^2 / 1.5^2), less than it is 3 pixels away, at which it ends, and 1 in the middle.
std::array<double, kernel_size * kernel_size> weights() {
  const auto gaussian = [](double squared) { return std::exp(-squared / (1.5 * 1.5)); };
  const double end = gaussian((kernel_radius + 1) * (kernel_radius + 1));
  std::array<double, kernel_size * kernel_size> all{};
  for (int y = 0; y < kernel_size; ++y)
    for (int x = 0; x < kernel_size; ++x) {
      const int dx = x - kernel_radius, dy = y - kernel_radius;
      all.at(y * kernel_size + x) = std::max((gaussian(dx * dx + dy * dy) - end) / (1 - end), 0.0);
    }
  return all;
}

/// Which of a pixel's neighbours count: those whose weights, in order of their values, add up to
/// between these shares of all.
struct Window {
  double from, to;
};

struct Weighted {
  float value;
  double weight;
};

/// The mean of the values within a window, which is at least 1 wide.
float mean_within(std::vector<Weighted>& values, const Window& window) {
  std::ranges::stable_sort(values, {}, &Weighted::value);
  double sum = 0;
  for (const Weighted& one : values) sum += one.weight;
  double from = sum * window.from, to = sum * window.to;
  if (to - from < 1) {
    const double middle = (from + to) / 2;
    from = middle - 0.5, to = middle + 0.5;
    if (to > sum) from = sum - 1, to = sum;
    if (from < 0) from = 0, to = 1;
  }
  double begin = 0, total = 0, counted = 0;
  for (const auto& [value, weight] : values) {
    const double share = std::min(to, begin + weight) - std::max(from, begin);
    begin += weight;
    if (share <= 0) continue;
    total += value * share;
    counted += share;
  }
  return counted == 0 ? 0 : static_cast<float>(total / counted);
}

/// Each value of a plane by those around it.
std::vector<float> filtered(const std::vector<float>& plane, int width, const Window& window) {
  static const auto kernel = weights();
  const int height = static_cast<int>(plane.size()) / width;
  std::vector<float> result;
  std::vector<Weighted> values;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      values.clear();
      for (int row = std::max(y - kernel_radius, 0); row <= std::min(y + kernel_radius, height - 1);
           ++row)
        for (int column = std::max(x - kernel_radius, 0);
             column <= std::min(x + kernel_radius, width - 1); ++column)
          values.push_back(
              {plane[static_cast<size_t>(row) * width + column],
               kernel.at((row - y + kernel_radius) * kernel_size + column - x + kernel_radius)});
      result.push_back(mean_within(values, window));
    }
  return result;
}

/// [C, h, w] each -> [h, w]
std::vector<float> distances(std::span<const float> a, std::span<const float> b, size_t pixels) {
  std::vector<float> all(pixels);
  for (size_t i = 0; i < a.size(); ++i) all[i % pixels] += (a[i] - b[i]) * (a[i] - b[i]);
  for (float& value : all) value = std::sqrt(value);
  return all;
}

/// The distance at which half is seen of what was drawn.
float half_distance(const Request& request, float mask) {
  const auto influence = static_cast<float>(request.soft_mask_influence);
  const float of_mask =
      1 - std::pow(mask, static_cast<float>(request.soft_preservation_strength / 2));
  const float scalar = 0.5f * (1 - influence) + of_mask * influence;
  return static_cast<float>(request.soft_difference_threshold) * scalar / (1.00001f - scalar);
}

/// A quintic from 0 to 1.
float smoother_step(float x) { return x * x * x * (x * (6 * x - 15) + 10); }

}  // namespace

Image soft_overlay(const Request& request, std::span<const float> mask,
                   std::span<const float> known, std::span<const float> drawn, ImageSize size) {
  const int width = size.width / 8;
  std::vector<float> distance = distances(known, drawn, mask.size());
  distance = filtered(distance, width, {0.9, 1});
  distance = filtered(distance, width, {0.25, 0.75});
  const auto contrast = static_cast<float>(request.soft_difference_contrast);
  Image small{width, size.height / 8, 1, {}};
  for (size_t i = 0; i < mask.size(); ++i) {
    const float relative = distance[i] == 0 ? 0 : distance[i] / half_distance(request, mask[i]);
    const float kept = smoother_step(1 / (1 + std::pow(relative, contrast)));
    small.pixels.push_back(static_cast<uint8_t>(255 * (1 - kept)));
  }
  // The blur takes away the traces of the latent's large pixels.
  return pillow_gaussian_blur(fitted(small, size, ResizeMode::fill), 4);
}

}  // namespace drypoint
