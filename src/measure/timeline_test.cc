#include "measure/timeline.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

TEST(Timeline, OccupancyByHand) {
  // [0 2] [3 6] with [4 5] inside and [5 8] over its end
  const Occupancy o = occupancy({{0, 2}, {3, 6}, {4, 5}, {5, 8}});
  EXPECT_EQ(o.sum, 2 + 3 + 1 + 3);
  EXPECT_EQ(o.busy, 2 + 5);
  EXPECT_EQ(o.gaps, 1);
  EXPECT_EQ(o.overlap, 2);
  EXPECT_EQ(occupancy({}).sum, 0);
}

TEST(Timeline, TheFasterHalfCounts) {
  // Lengths 1, 2, 3 with a gap of 1 before the second and an overlap of 1 with the third, begun
  // anywhere; two runs are disturbed, and in one the first takes 2 and the gap is half.
  const std::vector<std::vector<Interval>> runs = {{{10, 19}, {20, 22}, {21, 24}},
                                                   {{0, 1}, {2, 4}, {3, 6}},
                                                   {{50, 51}, {52, 54}, {53, 99}},
                                                   {{90, 92}, {92.5, 94.5}, {93.5, 96.5}}};
  const auto middle = typical(runs);
  ASSERT_EQ(middle.size(), 3u);
  const double expected[][2] = {{0, 1.5}, {2.25, 4.25}, {3.25, 6.25}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(middle[i].begin, expected[i][0]) << i;
    EXPECT_EQ(middle[i].end, expected[i][1]) << i;
  }
  EXPECT_EQ(mean_of_faster_half({5, 1, 9, 3}), 2);
  EXPECT_EQ(mean_of_faster_half({5, 1, 9}), 3);
}

}  // namespace
}  // namespace drypoint
