#include "diffusion/model/tiles.h"

#include <numeric>

#include "support/test_support.h"

namespace drypoint {
namespace {

std::vector<float> counted(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

TEST(Tiles, PutTogetherWhatTheyCutOut) {
  for (const auto layout : {Tiles::Layout::planes, Tiles::Layout::pixels})
    for (const auto& [whole, side] : {std::pair(ImageSize{40, 9}, 12),
                                      {ImageSize{7, 31}, 8},
                                      {ImageSize{13, 13}, 12},
                                      {ImageSize{24, 16}, 0},
                                      {ImageSize{5, 6}, 8}}) {
      const Tiles tiles(whole, side, side / 4);
      const auto values = counted(static_cast<size_t>(3 * whole.width * whole.height));
      std::vector<float> sum(values.size());
      for (size_t i = 0; i < tiles.count(); ++i)
        tiles.add(tiles.cut(values, i, layout), i, layout, sum);
      EXPECT_TRUE(testing::close(sum, values, 1e-6));
    }
}

TEST(Tiles, OverlapByAsMuchAsIsAskedAndStayInside) {
  for (int whole = 1; whole < 100; ++whole) {
    const Tiles tiles({whole, 1}, 16, 4);
    EXPECT_EQ(tiles.left(0), 0);
    for (size_t i = 1; i < tiles.count(); ++i)
      EXPECT_GE(tiles.left(i - 1) + tiles.size().width - tiles.left(i), 4) << whole;
    EXPECT_EQ(tiles.left(tiles.count() - 1) + tiles.size().width, whole);
  }
}

/// To the bit where one is alone; a line from one value to the other where two overlap.
TEST(Tiles, FadeFromOneToTheNext) {
  const Tiles tiles({13, 1}, 8, 3);
  ASSERT_EQ(tiles.count(), 2u);
  std::vector<float> sum(13);
  tiles.add(std::vector<float>(8, 0.1f), 0, Tiles::Layout::planes, sum);
  tiles.add(std::vector<float>(8, 0.5f), 1, Tiles::Layout::planes, sum);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(sum[i], 0.1f);
  EXPECT_FLOAT_EQ(sum[5], 0.2f);
  EXPECT_FLOAT_EQ(sum[6], 0.3f);
  EXPECT_FLOAT_EQ(sum[7], 0.4f);
  for (size_t i = 8; i < 13; ++i) EXPECT_EQ(sum[i], 0.5f);
}

TEST(Tiles, ScaleWithWhatIsMadeOfThem) {
  const Tiles small({20, 9}, 8, 2), large = small.times(8);
  EXPECT_EQ(large.whole(), (ImageSize{160, 72}));
  EXPECT_EQ(large.size(), (ImageSize{64, 64}));
  ASSERT_EQ(large.count(), small.count());
  for (size_t i = 0; i < small.count(); ++i) {
    EXPECT_EQ(large.left(i), 8 * small.left(i));
    EXPECT_EQ(large.top(i), 8 * small.top(i));
  }
  const auto values = counted(160 * 72);
  std::vector<float> sum(values.size());
  for (size_t i = 0; i < large.count(); ++i)
    large.add(large.cut(values, i, Tiles::Layout::planes), i, Tiles::Layout::planes, sum);
  EXPECT_TRUE(testing::close(sum, values, 1e-6));
}

}  // namespace
}  // namespace drypoint
