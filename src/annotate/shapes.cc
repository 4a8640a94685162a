#include "annotate/shapes.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <utility>

#include "annotate/lines.h"

namespace drypoint {
namespace {

/// The pixels of row y from x0 to x1, both included, as far as they are in the picture.
void fill_row(Image& image, int y, int x0, int x1, const Rgb& colour) {
  if (y < 0 || y >= image.height) return;
  x0 = std::max(x0, 0);
  x1 = std::min(x1, image.width - 1);
  for (int x = x0; x <= x1; ++x)
    std::ranges::copy(colour, &image.pixels[3 * (static_cast<size_t>(y) * image.width + x)]);
}

/// The rows that a convex shape covers, by their ends.
class Rows {
 public:
  Rows(int first, int last) : top_(first), ends_(static_cast<size_t>(last - first + 1), {1, 0}) {}
  void add(int x, int y) {
    Ends& row = ends_[static_cast<size_t>(y - top_)];
    row = row.left > row.right ? Ends{x, x} : Ends{std::min(row.left, x), std::max(row.right, x)};
  }
  void fill(Image& image, const Rgb& colour) const {
    for (size_t i = 0; i < ends_.size(); ++i)
      fill_row(image, top_ + static_cast<int>(i), ends_[i].left, ends_[i].right, colour);
  }

 private:
  struct Ends {
    int left, right;
  };
  int top_;
  std::vector<Ends> ends_;
};

/// Sine of whole degrees, 0 to 450, to the seven digits that OpenCV's table has.
double table_sine(int degrees) {
  const double sine = std::sin(degrees * std::numbers::pi / 180);
  return static_cast<float>(std::nearbyint(sine * 1e7) / 1e7);
}

/// A corner of a line, between pixels: in 65536ths.
struct Corner {
  int64_t x, y;
};
constexpr int64_t unit = 1 << 16;
int pixel_of(int64_t place) { return static_cast<int>((place + unit / 2) >> 16); }

/// What OpenCV draws of an edge: the line, which has a pixel in each column if it is flat and else
/// in each row, and its last end; and how far the shape is filled, as if the ends lay in the middle
/// of the rows nearest to them.
void add_edge(Rows& rows, Corner a, Corner b) {
  const bool is_flat = std::abs(b.x - a.x) > std::abs(b.y - a.y);
  if (is_flat ? b.x < a.x : b.y < a.y) std::swap(a, b);
  const int64_t across = b.x - a.x, down = b.y - a.y, length = is_flat ? across : down;
  const Corner step = is_flat ? Corner{unit, down * unit / (length | 1)}
                              : Corner{across * unit / (length | 1), unit};
  for (int64_t i = 0; i <= length / unit; ++i)
    rows.add(pixel_of(a.x + i * step.x), pixel_of(a.y + i * step.y));
  rows.add(pixel_of(b.x), pixel_of(b.y));

  if (a.y > b.y) std::swap(a, b);
  const int first = pixel_of(a.y), count = pixel_of(b.y) - first;
  if (count == 0) return;
  const int64_t slope = (2 * (b.x - a.x) + count) / (2 * count);
  for (int i = 0; i <= count; ++i) rows.add(pixel_of(a.x + i * slope), first + i);
}

}  // namespace

void fill_ellipse(Image& image, Keypoint centre, int length, int thickness, int degrees,
                  const Rgb& colour) {
  if (degrees < 0) degrees += 360;
  const double cosine = table_sine(450 - degrees), sine = table_sine(degrees);
  std::vector<Keypoint> corners;
  for (int i = 0; i <= 360; ++i) {
    const double x = length * table_sine(450 - i), y = thickness * table_sine(i);
    corners.push_back({static_cast<int>(std::nearbyint(centre.x + x * cosine - y * sine)),
                       static_cast<int>(std::nearbyint(centre.y + x * sine + y * cosine))});
  }
  const auto [top, bottom] = std::ranges::minmax(corners, {}, &Keypoint::y);
  Rows rows(top.y, bottom.y);
  for (size_t i = 0; i < corners.size(); ++i) {
    const Keypoint &a = corners[i], &b = corners[(i + 1) % corners.size()];
    for_each_pixel_of_line(a.x, a.y, b.x, b.y, [&](int x, int y) { rows.add(x, y); });
  }
  rows.fill(image, colour);
}

void fill_disc(Image& image, Keypoint centre, int radius, const Rgb& colour) {
  for (int row = -radius; row <= radius; ++row) {
    const int half = static_cast<int>(std::sqrt(radius * radius - row * row));
    fill_row(image, centre.y + row, centre.x - half, centre.x + half, colour);
  }
}

void draw_line(Image& image, Keypoint a, Keypoint b, const Rgb& colour) {
  const double across = a.x - b.x, down = b.y - a.y;
  const double length = std::sqrt(across * across + down * down);
  if (length > 0) {
    // A pixel to each side.
    const auto x = static_cast<int64_t>(std::nearbyint(down * (unit / length)));
    const auto y = static_cast<int64_t>(std::nearbyint(across * (unit / length)));
    const Corner corners[] = {{a.x * unit + x, a.y * unit + y},
                              {a.x * unit - x, a.y * unit - y},
                              {b.x * unit - x, b.y * unit - y},
                              {b.x * unit + x, b.y * unit + y}};
    Rows rows(std::min(a.y, b.y) - 1, std::max(a.y, b.y) + 1);
    for (size_t i = 0; i < 4; ++i) add_edge(rows, corners[(i + 3) % 4], corners[i]);
    rows.fill(image, colour);
  }
  for (const Keypoint& end : {a, b}) fill_disc(image, end, 1, colour);
}

}  // namespace drypoint
