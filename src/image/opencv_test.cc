// Edges, sizes and blurs against what OpenCV 5.0 (for x86, from pip) and Pillow make of the same
// pictures.
#include <zlib.h>

#include <numeric>
#include <vector>

#include "drypoint/edges.h"
#include "image/blur.h"
#include "image/pillow.h"
#include "image/resample.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// Curved stripes, other ones in each channel.
Image stripes(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int k = 0; k < channels; ++k)
        image.pixels.push_back(uint8_t((x * x * 3 + y * y * 5 + x * y * 7 + k * 60) >> 3));
  return image;
}

uint32_t checksum(const Image& image) {
  return uint32_t(crc32(0, image.pixels.data(), uInt(image.pixels.size())));
}

struct Resized {
  int width = 0, height = 0, channels = 0;
  ImageSize to;
  Image (*resize)(const Image&, ImageSize) = nullptr;
  uint32_t crc = 0;
};

TEST(Resize, IsOpenCvsToTheByte) {
  for (const Resized& c :
       std::vector<Resized>{{100, 80, 3, {50, 40}, resize_area, 0x03156c77},   // areas of 2×2
                            {99, 60, 3, {33, 20}, resize_area, 0x4bab7ef3},    // 3×3
                            {96, 64, 1, {24, 32}, resize_area, 0x3c564e1c},    // 4×2
                            {97, 83, 3, {64, 64}, resize_area, 0x328e1e35},    // parts of pixels
                            {200, 130, 1, {64, 64}, resize_area, 0x7badd88d},  //
                            {90, 70, 3, {128, 64}, resize_area, 0x15e8b6bd},   // one side grows
                            {61, 90, 3, {64, 64}, resize_area, 0x6b3550a3},    //
                            {40, 30, 3, {128, 64}, resize_lanczos, 0xe50fe4bd},
                            {33, 47, 1, {64, 128}, resize_lanczos, 0xf2cf283c},
                            {64, 50, 3, {64, 64}, resize_lanczos, 0x32e4a252},  // one side stays
                            {70, 20, 3, {64, 64}, resize_lanczos, 0xaa8e424b},
                            {40, 30, 3, {128, 64}, resize_cubic, 0x6b3423af},
                            {97, 83, 1, {64, 64}, resize_cubic, 0x8bade934},
                            {33, 47, 1, {64, 128}, resize_cubic, 0xd7b39728},
                            {64, 50, 3, {64, 64}, resize_cubic, 0x2ae96504},
                            {1301, 7, 1, {977, 9}, resize_cubic, 0x45bfb412}}) {
    const Image image = stripes(c.width, c.height, c.channels);
    EXPECT_EQ(checksum(c.resize(image, c.to)), c.crc)
        << c.width << "x" << c.height << " to " << c.to.width << "x" << c.to.height;
  }
}

TEST(Resize, IsPillowsToTheByte) {
  using enum PillowFilter;
  struct Case {
    int width = 0, height = 0, channels = 0;
    ImageSize to;
    PillowFilter filter = nearest;
    uint32_t crc = 0;
  };
  for (const Case& c : std::vector<Case>{{100, 80, 3, {50, 40}, bicubic, 0xdaa191b0},
                                         {97, 83, 1, {13, 9}, bicubic, 0xddcd5c4b},
                                         {40, 30, 3, {128, 64}, bicubic, 0x5e1b52a5},
                                         {100, 80, 3, {64, 64}, lanczos, 0xbb715504},
                                         {33, 47, 1, {64, 128}, lanczos, 0xf5725c16},
                                         {64, 50, 3, {64, 70}, lanczos, 0x94a83513},
                                         {33, 47, 3, {64, 20}, nearest, 0x0aa7691e},
                                         {220, 274, 1, {9, 11}, nearest, 0x6d304b24}})
    EXPECT_EQ(checksum(pillow_resize(stripes(c.width, c.height, c.channels), c.to, c.filter)),
              c.crc)
        << c.width << "x" << c.height << " to " << c.to.width << "x" << c.to.height;
}

/// The web UI's `resize_image`, with a Pillow that goes across first (from 13 on it goes down first
/// where that is less work).
TEST(Resize, FitsAsTheWebUi) {
  using enum ResizeMode;
  struct Case {
    int width = 0, height = 0;
    ResizeMode mode = stretch;
    uint32_t crc = 0;
  };
  for (const Case& c : std::vector<Case>{{100, 60, crop, 0x7e086c3d},
                                         {60, 100, crop, 0x4828a37d},
                                         {60, 100, stretch, 0xd3b9c503}})
    EXPECT_EQ(checksum(fitted(stripes(c.width, c.height, 3), {64, 64}, c.mode)), c.crc)
        << c.width << "x" << c.height << ", mode " << int(c.mode);
}

/// 60x40, white from (20, 10) to (49, 24), and light in a corner.
Image spotted_mask() {
  Image mask{60, 40, 1, std::vector<uint8_t>(size_t(60) * 40)};
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 60; ++x)
      mask.pixels[size_t(y) * 60 + size_t(x)] = y >= 10 && y < 25 && x >= 20 && x < 50 ? 255
                                                : y < 3 && x < 3                       ? 200
                                                                                       : 0;
  return mask;
}

TEST(Blur, IsOpenCvs) {
  const int places[][2] = {{0, 0}, {1, 5}, {10, 20}, {17, 35}, {25, 50}, {30, 40}, {9, 19}};
  const int expected[2][7] = {{45, 22, 77, 241, 52, 21, 52}, {167, 8, 102, 255, 35, 0, 35}};
  for (size_t k = 0; k < 2; ++k) {
    const Image blurred = gaussian_blur(spotted_mask(), k == 0 ? 4 : 1.5);
    for (size_t i = 0; i < 7; ++i)
      EXPECT_EQ(blurred.pixels[size_t(places[i][0] * 60 + places[i][1])], expected[k][i]);
  }
}

/// Pillow 13's `GaussianBlur(4)`, of a picture that the blur is wider than and of a larger one.
TEST(Blur, IsPillows) {
  const auto blurred = [](int width, int height) {
    Image image{width, height, 1, {}};
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        image.pixels.push_back(static_cast<uint8_t>((x * x * 7 + y * 31 + x * y * 5) % 256));
    return pillow_gaussian_blur(image, 4);
  };
  EXPECT_EQ(blurred(7, 3).pixels,
            (std::vector<uint8_t>{80,  86,  93,  101, 110, 117, 123, 80,  86,  93, 101,
                                  110, 117, 123, 80,  86,  94,  101, 109, 117, 123}));
  const Image large = blurred(40, 30);
  const int expected[5][5] = {{94, 130, 135, 128, 121},
                              {124, 131, 127, 126, 127},
                              {129, 127, 123, 125, 131},
                              {126, 123, 123, 127, 127},
                              {118, 130, 119, 134, 127}};
  for (size_t y = 0; y < 5; ++y)
    for (size_t x = 0; x < 5; ++x)
      EXPECT_EQ(large.pixels[y * 7 * 40 + x * 9], expected[y][x]) << y << " " << x;
  EXPECT_EQ(std::accumulate(large.pixels.begin(), large.pixels.end(), 0), 151647);
}

/// The web UI's `masking.fill`, which rounds each layer to 8 bits.
TEST(Blur, FillsFromAroundAsTheWebUi) {
  Image image{60, 40, 3, {}};
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 60; ++x)
      for (const double value : {20 + 210.0 * x / 59, 200 - 190.0 * y / 39, 90.0})
        image.pixels.push_back(uint8_t(value));
  const Image filled = filled_from_around(image, spotted_mask());
  const int expected[][5] = {{17, 35, 145, 111, 89},
                             {12, 22, 91, 149, 91},
                             {24, 49, 196, 78, 89},
                             {1, 1, 25, 189, 89},
                             {30, 10, 55, 53, 90}};
  for (const auto& [y, x, red, green, blue] : expected) {
    const uint8_t* pixel = &filled.pixels[size_t(y * 60 + x) * 3];
    EXPECT_NEAR(pixel[0], red, 2) << y << " " << x;
    EXPECT_NEAR(pixel[1], green, 2) << y << " " << x;
    EXPECT_NEAR(pixel[2], blue, 2) << y << " " << x;
  }
}

struct Drawn {
  int width = 0, height = 0, channels = 0;
  double low = 0, high = 0;
  uint32_t crc = 0;
};

TEST(Canny, IsOpenCvsToTheByte) {
  for (const Drawn& c : std::vector<Drawn>{{100, 80, 3, 100, 200, 0xc596b9ea},
                                           {97, 83, 1, 50.7, 150.2, 0xa6caa80b},
                                           {64, 64, 3, 0, 0, 0x08e9409a},
                                           {1, 40, 3, 10, 20, 0xfe7e7222},
                                           {40, 1, 1, 10, 20, 0x0861d311},
                                           {300, 200, 3, 200, 600, 0x3b46dcc4}})
    EXPECT_EQ(checksum(canny_edges(stripes(c.width, c.height, c.channels), c.low, c.high)), c.crc)
        << c.width << "x" << c.height;
}

}  // namespace
}  // namespace drypoint
