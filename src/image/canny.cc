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
  std::vector<int16_t> magnitude;  // |x| + |y|, with a pixel of zeros before and after

  explicit Gradients(size_t width) : x(width), y(width), magnitude(width + 2) {}
};

/// Sobel's 3×3 gradients, row by row. Channels lie apart here, so that loops over pixels are
/// vector code.
class Sobel {
 public:
  explicit Sobel(const Image& image)
      : image_(image), width_(size_t(image.width)), smooth_(width_ + 2), steep_(width_ + 2) {
    for (Row& row : rows_) row.values.resize(width_ * size_t(image.channels));
  }

  /// Of one row; pixels beyond the border are those at it. Of the channels the first with the
  /// largest magnitude counts.
  void find(int row, Gradients& out) {
    std::fill(out.magnitude.begin() + 1, out.magnitude.end() - 1, int16_t{-1});
    const int16_t *above = channels_of(row - 1), *here = channels_of(row),
                  *below = channels_of(row + 1);
    for (int channel = 0; channel < image_.channels; ++channel) {
      const size_t first = width_ * size_t(channel);
      add(above + first, here + first, below + first, out);
    }
  }

 private:
  struct Row {
    int number = -1;
    std::vector<int16_t> values;  // [channels, width]
  };

  const int16_t* channels_of(int row) {
    row = std::clamp(row, 0, image_.height - 1);
    Row& kept = rows_[size_t(row) % rows_.size()];
    if (kept.number == row) return kept.values.data();
    kept.number = row;
    const size_t n = size_t(image_.channels);
    const uint8_t* pixels = image_.pixels.data() + size_t(row) * width_ * n;
    int16_t* const values = kept.values.data();
    if (n == 3)
      for (size_t i = 0; i < width_; ++i, pixels += 3) {
        values[i] = pixels[0];
        values[width_ + i] = pixels[1];
        values[2 * width_ + i] = pixels[2];
      }
    else
      std::copy_n(pixels, width_, values);
    return values;
  }

  /// One channel's, where they are larger than what is there.
  void add(const int16_t* above, const int16_t* here, const int16_t* below, Gradients& out) {
    int16_t *smooth = smooth_.data(), *steep = steep_.data();  // one pixel more on either side
    for (size_t i = 0; i < width_; ++i) {
      smooth[i + 1] = int16_t(above[i] + 2 * here[i] + below[i]);
      steep[i + 1] = int16_t(below[i] - above[i]);
    }
    for (int16_t* line : {smooth, steep}) {
      line[0] = line[1];
      line[width_ + 1] = line[width_];
    }
    int16_t *__restrict to_x = out.x.data(), *__restrict to_y = out.y.data(),
                        *__restrict largest = out.magnitude.data() + 1;
    for (size_t i = 0; i < width_; ++i) {
      const auto x = int16_t(smooth[i + 2] - smooth[i]);
      const auto y = int16_t(steep[i] + 2 * steep[i + 1] + steep[i + 2]);
      const auto magnitude = int16_t(std::max(x, int16_t(-x)) + std::max(y, int16_t(-y)));
      // Masks, as GCC makes branches of choices.
      const auto counts = int16_t(-(magnitude > largest[i])), stays = int16_t(~counts);
      to_x[i] = int16_t((x & counts) | (to_x[i] & stays));
      to_y[i] = int16_t((y & counts) | (to_y[i] & stays));
      largest[i] = std::max(largest[i], magnitude);
    }
  }

  const Image& image_;
  const size_t width_;
  std::array<Row, 3> rows_;
  std::vector<int16_t> smooth_, steep_;
};

/// Whether a magnitude is the largest across the edge, in one of four directions; the gradient's
/// slope is compared with the tangents of 22.5° and 67.5° in 15 fractional bits.
bool is_ridge(int x, int y, const int16_t* above, const int16_t* here, const int16_t* below) {
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

  Sobel sobel(image);
  std::array<Gradients, 3> rows{Gradients(width), Gradients(width), Gradients(width)};
  Gradients *above = rows.data(), *here = above + 1, *below = above + 2;
  sobel.find(0, *here);
  for (int row = 0; row < height; ++row) {
    if (row + 1 < height)
      sobel.find(row + 1, *below);
    else
      std::ranges::fill(below->magnitude, int16_t{0});
    uint8_t* marks = edges.data() + (row + 1) * stride + 1;
    const int16_t *x = here->x.data(), *y = here->y.data();
    const auto magnitudes = [](const Gradients& of) { return of.magnitude.data() + 1; };
    const int16_t *up = magnitudes(*above), *middle = magnitudes(*here), *down = magnitudes(*below);
    for (int i = 0; i < width; ++i) {
      const int magnitude = middle[i];
      if (magnitude <= low || !is_ridge(x[i], y[i], up + i, middle + i, down + i)) continue;
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
