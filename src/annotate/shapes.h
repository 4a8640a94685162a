// Filled shapes, to the pixel as OpenCV draws them. What lies outside of the picture is left out.
#pragma once

#include <array>
#include <vector>

#include "drypoint/image.h"

namespace drypoint {

/// In pixels.
struct Keypoint {
  int x = 0, y = 0;
  bool operator==(const Keypoint&) const = default;
};

using Rgb = std::array<uint8_t, 3>;

/// The ellipse with these half axes, turned, with corners a degree apart.
void fill_ellipse(Image& image, Keypoint centre, int length, int thickness, int degrees,
                  const Rgb& colour);

/// Up to a radius of 4.
void fill_disc(Image& image, Keypoint centre, int radius, const Rgb& colour);

/// A line of two pixels' thickness with round ends.
void draw_line(Image& image, Keypoint a, Keypoint b, const Rgb& colour);

}  // namespace drypoint
