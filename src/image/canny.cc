#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "drypoint/edges.h"
#include "image/edge_checks.h"
#include "image/formats.h"

// What OpenCV's `Canny` computes, to the pixel.
namespace drypoint {
namespace {

struct Gradients {
  std::vector<int16_t> x, y;
  std::vector<int> magnitude;  // |x| + |y|, with a pixel of zeros before and after

  explicit Gradients(size_t width) : x(width), y(width), magnitude(width + 2) {}
};

/// Sobel's 3×3 gradients of one row; pixels beyond the border are those at it. Of the channels the
/// first with the largest magnitude counts. `smooth` and `steep` are scratch.
void find_gradients(const Image& image, int row, std::vector<int16_t>& smooth,
                    std::vector<int16_t>& steep, Gradients& out) {
  const int n = image.channels, stride = image.width * n;
  const uint8_t* above = image.pixels.data() + size_t(std::max(row - 1, 0)) * stride;
  const uint8_t* here = image.pixels.data() + size_t(row) * stride;
  const uint8_t* below = image.pixels.data() + size_t(std::min(row + 1, image.height - 1)) * stride;
  // One pixel more on either side.
  for (int i = 0; i < stride; ++i) {
    smooth[n + i] = int16_t(above[i] + 2 * here[i] + below[i]);
    steep[n + i] = int16_t(below[i] - above[i]);
  }
  for (std::vector<int16_t>* line : {&smooth, &steep}) {
    std::copy_n(line->begin() + n, n, line->begin());
    std::copy_n(line->begin() + stride, n, line->begin() + stride + n);
  }
  for (int column = 0; column < image.width; ++column) {
    int largest = -1;
    for (int i = column * n; i < (column + 1) * n; ++i) {
      const int x = smooth[i + 2 * n] - smooth[i];
      const int y = steep[i] + 2 * steep[i + n] + steep[i + 2 * n];
      const int magnitude = std::abs(x) + std::abs(y);
      if (magnitude <= largest) continue;
      largest = magnitude;
      out.x[column] = int16_t(x);
      out.y[column] = int16_t(y);
    }
    out.magnitude[column + 1] = largest;
  }
}

/// Whether a magnitude is the largest across the edge, in one of four directions; the gradient's
/// slope is compared with the tangents of 22.5° and 67.5° in 15 fractional bits.
bool is_ridge(int x, int y, const int* above, const int* here, const int* below) {
  constexpr int shift = 15, tangent = 13573;  // of 22.5°; that of 67.5° is larger by 2
  const int run = std::abs(x), rise = std::abs(y) << shift;
  if (rise < run * tangent) return *here > here[-1] && *here >= here[1];
  if (rise > run * tangent + (run << (shift + 1))) return *here > *above && *here >= *below;
  const int side = (x ^ y) < 0 ? -1 : 1;
  return *here > above[-side] && *here > below[side];
}

Image find_edges(const Image& image, int low, int high) {
  const int width = image.width, height = image.height;

  // `edges` has a border of one pixel, so that the search below needs no checks.
  enum : uint8_t { none, possible, edge = 255 };
  const ptrdiff_t stride = ptrdiff_t(width) + 2;
  std::vector<uint8_t> edges(size_t(stride) * (size_t(height) + 2), none);
  std::vector<uint8_t*> found;  // whose neighbours were not looked at

  std::vector<int16_t> smooth(size_t(width + 2) * image.channels), steep(smooth.size());
  std::array<Gradients, 3> rows{Gradients(width), Gradients(width), Gradients(width)};
  Gradients *above = rows.data(), *here = above + 1, *below = above + 2;
  find_gradients(image, 0, smooth, steep, *here);
  for (int row = 0; row < height; ++row) {
    if (row + 1 < height)
      find_gradients(image, row + 1, smooth, steep, *below);
    else
      std::fill(below->magnitude.begin(), below->magnitude.end(), 0);
    uint8_t* marks = edges.data() + (row + 1) * stride + 1;
    for (int i = 0; i < width; ++i) {
      const int magnitude = here->magnitude[i + 1];
      if (magnitude <= low) continue;
      if (!is_ridge(here->x[i], here->y[i], &above->magnitude[i + 1], &here->magnitude[i + 1],
                    &below->magnitude[i + 1]))
        continue;
      marks[i] = magnitude > high ? edge : possible;
      if (magnitude > high) found.push_back(marks + i);
    }
    std::swap(above, here);
    std::swap(here, below);
  }

  // What may be an edge is one where it touches one.
  while (!found.empty()) {
    uint8_t* mark = found.back();
    found.pop_back();
    for (const ptrdiff_t line : {-stride, ptrdiff_t{0}, stride})
      for (int side = -1; side <= 1; ++side) {
        uint8_t* neighbour = mark + line + side;
        if (*neighbour != possible) continue;
        *neighbour = edge;
        found.push_back(neighbour);
      }
  }

  Image out{width, height, 1, std::vector<uint8_t>(size_t(width) * size_t(height))};
  for (int row = 0; row < height; ++row) {
    const uint8_t* from = edges.data() + (row + 1) * stride + 1;
    std::transform(from, from + width, out.pixels.begin() + ptrdiff_t(row) * width,
                   [](uint8_t mark) -> uint8_t { return mark == edge ? edge : 0; });
  }
  return out;
}

}  // namespace

void check_thresholds(double low, double high) {
  const auto check = [](std::string_view option, double value) {
    if (!(value >= 0 && value <= 1000))
      fail(ErrorKind::bad_argument, "{}: {}, expected 0 to 1000", option, value);
  };
  check("low_threshold", low);
  check("high_threshold", high);
  if (low > high)
    fail(ErrorKind::bad_argument, "low_threshold: {}, expected at most high_threshold, {}", low,
         high);
}

Image canny_edges(const Image& image, double low_threshold, double high_threshold) {
  check_image(image);
  check_thresholds(low_threshold, high_threshold);
  return at_border("finding edges", [&] {
    return find_edges(image, int(std::floor(low_threshold)), int(std::floor(high_threshold)));
  });
}

Image control_edges(const Image& image, const EdgeOptions& options) {
  return canny_edges(options.size == ImageSize() ? resize_for_control(image, options.resolution)
                                                 : resize_for_control(image, options.size),
                     options.low_threshold, options.high_threshold);
}

}  // namespace drypoint
