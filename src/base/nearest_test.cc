#include "drypoint/nearest.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

TEST(Nearest, CountsSlips) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("euler", "euler"), 0u);
  EXPECT_EQ(edit_distance("", "lms"), 3u);
  EXPECT_EQ(edit_distance("eluer", "euler"), 1u);
  EXPECT_EQ(edit_distance("heum", "heun"), 1u);
  EXPECT_EQ(edit_distance("dpm", "dpm2 a"), 3u);
}

TEST(Nearest, FindsTheWordMeant) {
  EXPECT_EQ(nearest("karas", {"uniform", "karras", "simple"}), "karras");
  EXPECT_EQ(nearest("", {"b", "a"}), "b");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(nearest(std::string(1 << 20, 'x'), {"a"}), "a");
}

}  // namespace
}  // namespace drypoint
