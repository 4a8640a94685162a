#include "annotate/peaks.h"

#include <random>

#include "support/test_support.h"

namespace drypoint {
namespace {

/// Of the whole plane, made as large and smoothed.
std::vector<Peak> plainly_found(const FloatResize& resize, std::span<const float> plane) {
  const auto [width, height] = resize.to();
  const std::vector<float> whole = resize(plane, 1);
  const std::vector<double> smooth =
      smoothed(std::vector<double>(whole.begin(), whole.end()), resize.to());
  const auto pixel = [&](int x, int y) { return static_cast<size_t>(y * width + x); };
  std::vector<Peak> peaks;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto is_under = [&](int column, int row) {
        return column >= 0 && row >= 0 && column < width && row < height &&
               smooth.at(pixel(x, y)) < smooth.at(pixel(column, row));
      };
      if (smooth.at(pixel(x, y)) > 0.1 && !is_under(x - 1, y) && !is_under(x + 1, y) &&
          !is_under(x, y - 1) && !is_under(x, y + 1))
        peaks.push_back({x, y, whole.at(pixel(x, y))});
    }
  return peaks;
}

TEST(PeakFinder, FindsThoseOfTheWholePlane) {
  std::mt19937 engine(7);
  std::uniform_real_distribution<float> uniform(-0.2f, 1);
  const ImageSize from{23, 17};
  size_t found = 0;
  for (const auto& [to, interpolation] : {std::pair(ImageSize{150, 170}, Interpolation::lanczos),
                                          {ImageSize{23, 17}, Interpolation::lanczos},
                                          {ImageSize{5, 9}, Interpolation::area}})
    for (const float share : {1.0f, 0.02f}) {  // of places that are above 0
      const FloatResize resize(from, to, interpolation);
      std::vector<float> plane(static_cast<size_t>(from.width * from.height));
      for (float& value : plane)
        if (uniform(engine) < share) value = uniform(engine);
      const std::vector<Peak> expected = plainly_found(resize, plane),
                              peaks = PeakFinder(resize)(plane);
      EXPECT_TRUE(peaks == expected)
          << peaks.size() << " of " << expected.size() << ", " << to.width << "x" << to.height;
      found += expected.size();
    }
  EXPECT_GT(found, 20U);
}

}  // namespace
}  // namespace drypoint
