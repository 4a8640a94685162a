#include "image/pillow.h"

#include "support/test_support.h"

namespace drypoint {
namespace {

/// The web UI's `resize_image` with Pillow 12.
TEST(Fitted, FillsAsTheWebUi) {
  const Image picture{4, 2, 1, {10, 20, 250, 0, 90, 21, 0, 255}};
  const std::vector<uint8_t> above{0, 20, 255, 0}, below{100, 21, 0, 255};
  std::vector<uint8_t> expected;
  for (const auto& row : {above, above, picture.pixels, below, below})
    expected.insert(expected.end(), row.begin(), row.end());
  EXPECT_EQ(fitted(picture, {4, 6}, ResizeMode::fill).pixels, expected);

  const Image turned{2, 4, 1, {10, 90, 20, 21, 250, 0, 0, 255}};
  const Image wide = fitted(turned, {6, 4}, ResizeMode::fill);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 6; ++x)
      EXPECT_EQ(wide.pixels[static_cast<size_t>(6 * y + x)],
                expected[static_cast<size_t>(4 * x + y)]);
}

}  // namespace
}  // namespace drypoint
