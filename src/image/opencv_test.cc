// Edges and sizes against checksums of what OpenCV 5.0 makes of the same pictures.
#include <zlib.h>

#include <vector>

#include "drypoint/edges.h"
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
  bool lanczos = false;
  uint32_t crc = 0;
};

TEST(Resize, IsOpenCvsToTheByte) {
  for (const Resized& c :
       std::vector<Resized>{{100, 80, 3, {50, 40}, false, 0x03156c77},   // areas of 2×2
                            {99, 60, 3, {33, 20}, false, 0x4bab7ef3},    // 3×3
                            {96, 64, 1, {24, 32}, false, 0x3c564e1c},    // 4×2
                            {97, 83, 3, {64, 64}, false, 0x328e1e35},    // parts of pixels
                            {200, 130, 1, {64, 64}, false, 0x7badd88d},  //
                            {90, 70, 3, {128, 64}, false, 0x15e8b6bd},   // one side grows
                            {61, 90, 3, {64, 64}, false, 0x6b3550a3},    //
                            {40, 30, 3, {128, 64}, true, 0xe50fe4bd},
                            {33, 47, 1, {64, 128}, true, 0xf2cf283c},
                            {64, 50, 3, {64, 64}, true, 0x32e4a252},  // one side stays
                            {70, 20, 3, {64, 64}, true, 0xaa8e424b}}) {
    const Image image = stripes(c.width, c.height, c.channels);
    const Image resized = c.lanczos ? resize_lanczos(image, c.to) : resize_area(image, c.to);
    EXPECT_EQ(checksum(resized), c.crc)
        << c.width << "x" << c.height << " to " << c.to.width << "x" << c.to.height;
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
