#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <cmath>

namespace drypoint {
namespace {

TEST(Half, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const auto bits = static_cast<uint16_t>(h);
    const float value = half_to_float(bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
      continue;
    }
    ASSERT_EQ(float_to_half(value), bits) << value;
    ASSERT_EQ(value, static_cast<float>(std::bit_cast<_Float16>(bits)));
  }
}

TEST(Half, RoundsAsTheHardwareDoes) {
  for (uint32_t i = 0; i < 4'000'000; ++i) {
    const float value = std::bit_cast<float>(i * 1073u);
    if (std::isnan(value)) continue;
    ASSERT_EQ(float_to_half(value), std::bit_cast<uint16_t>(static_cast<_Float16>(value))) << value;
  }
}

TEST(Bfloat, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bfloat(1.0f), 0x3f80);
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x3f808000u)), 0x3f80);
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_TRUE(std::isnan(bfloat_to_float(float_to_bfloat(NAN))));
  EXPECT_TRUE(std::isinf(bfloat_to_float(float_to_bfloat(3.4e38f))));
}

}  // namespace
}  // namespace drypoint
