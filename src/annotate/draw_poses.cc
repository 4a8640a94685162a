#include <algorithm>
#include <cmath>
#include <numbers>

#include "annotate/lines.h"
#include "annotate/poses.h"

namespace drypoint {
namespace {

using Colour = std::array<uint8_t, 3>;
constexpr Colour colours[OpenposeConfig::parts] = {
    {255, 0, 0}, {255, 85, 0}, {255, 170, 0}, {255, 255, 0}, {170, 255, 0}, {85, 255, 0},
    {0, 255, 0}, {0, 255, 85}, {0, 255, 170}, {0, 255, 255}, {0, 170, 255}, {0, 85, 255},
    {0, 0, 255}, {85, 0, 255}, {170, 0, 255}, {255, 0, 255}, {255, 0, 170}, {255, 0, 85}};
constexpr size_t drawn_limbs[17][2] = {{1, 2}, {1, 5},  {2, 3},   {3, 4},  {5, 6},   {6, 7},
                                       {1, 8}, {8, 9},  {9, 10},  {1, 11}, {11, 12}, {12, 13},
                                       {1, 0}, {0, 14}, {14, 16}, {0, 15}, {15, 17}};

/// The pixels of row y from x0 to x1, both included, as far as they are in the picture.
void fill_row(Image& image, int y, int x0, int x1, const Colour& colour) {
  if (y < 0 || y >= image.height) return;
  x0 = std::max(x0, 0);
  x1 = std::min(x1, image.width - 1);
  for (int x = x0; x <= x1; ++x)
    std::ranges::copy(colour, &image.pixels[3 * (static_cast<size_t>(y) * image.width + x)]);
}

/// The rows that a convex shape covers, by their ends.
struct Rows {
  struct Ends {
    int left, right;
  };
  int top;
  std::vector<Ends> ends;

  Rows(int first, int last) : top(first), ends(static_cast<size_t>(last - first + 1), {1, 0}) {}
  void add(int x, int y) {
    Ends& row = ends[static_cast<size_t>(y - top)];
    row = row.left > row.right ? Ends{x, x} : Ends{std::min(row.left, x), std::max(row.right, x)};
  }
};

/// Sine of whole degrees, 0 to 450, to the seven digits that OpenCV's table has.
double table_sine(int degrees) {
  const double sine = std::sin(degrees * std::numbers::pi / 180);
  return static_cast<float>(std::nearbyint(sine * 1e7) / 1e7);
}

/// An ellipse's corners, one a degree, rounded to pixels.
std::vector<Keypoint> ellipse(Keypoint centre, int length, int thickness, int degrees) {
  if (degrees < 0) degrees += 360;
  const double cosine = table_sine(450 - degrees), sine = table_sine(degrees);
  std::vector<Keypoint> corners;
  for (int i = 0; i <= 360; ++i) {
    const double x = length * table_sine(450 - i), y = thickness * table_sine(i);
    corners.push_back({static_cast<int>(std::nearbyint(centre.x + x * cosine - y * sine)),
                       static_cast<int>(std::nearbyint(centre.y + x * sine + y * cosine))});
  }
  return corners;
}

void fill_convex(Image& image, const std::vector<Keypoint>& corners, const Colour& colour) {
  const auto [top, bottom] = std::ranges::minmax(corners, {}, &Keypoint::y);
  Rows rows(top.y, bottom.y);
  for (size_t i = 0; i < corners.size(); ++i) {
    const Keypoint &a = corners[i], &b = corners[(i + 1) % corners.size()];
    for_each_pixel_of_line(a.x, a.y, b.x, b.y, [&](int x, int y) { rows.add(x, y); });
  }
  for (size_t i = 0; i < rows.ends.size(); ++i)
    fill_row(image, rows.top + static_cast<int>(i), rows.ends[i].left, rows.ends[i].right, colour);
}

/// controlnet-aux passes keypoints on as shares of the picture's sides.
double place(int at, int side) { return double(at) / side * side; }

void draw_limb(Image& image, const Keypoint& a, const Keypoint& b, Colour colour) {
  constexpr int thickness = 4;
  const double ax = place(a.x, image.width), ay = place(a.y, image.height);
  const double bx = place(b.x, image.width), by = place(b.y, image.height);
  const double length = std::sqrt((ay - by) * (ay - by) + (ax - bx) * (ax - bx));
  const double degrees = std::atan2(ay - by, ax - bx) * (180 / std::numbers::pi);
  for (uint8_t& value : colour) value = static_cast<uint8_t>(value * 0.6);
  fill_convex(image,
              ellipse({static_cast<int>((ax + bx) / 2), static_cast<int>((ay + by) / 2)},
                      static_cast<int>(length / 2), thickness, static_cast<int>(degrees)),
              colour);
}

/// A disc of radius 4, as OpenCV draws it.
void draw_part(Image& image, const Keypoint& part, const Colour& colour) {
  constexpr int half_widths[] = {4, 3, 3, 2, 0};
  const int x = static_cast<int>(place(part.x, image.width));
  const int y = static_cast<int>(place(part.y, image.height));
  for (int row = -4; row <= 4; ++row) {
    const int half = half_widths[std::abs(row)];
    fill_row(image, y + row, x - half, x + half, colour);
  }
}

}  // namespace

Image drawn_poses(std::span<const Pose> poses, ImageSize size) {
  Image image{
      size.width, size.height, 3,
      std::vector<uint8_t>(3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height))};
  for (const Pose& pose : poses) {
    for (size_t i = 0; i < std::size(drawn_limbs); ++i) {
      const auto &a = pose[drawn_limbs[i][0]], &b = pose[drawn_limbs[i][1]];
      if (a && b) draw_limb(image, *a, *b, colours[i]);
    }
    for (size_t i = 0; i < pose.size(); ++i)
      if (pose[i]) draw_part(image, *pose[i], colours[i]);
  }
  return image;
}

}  // namespace drypoint
