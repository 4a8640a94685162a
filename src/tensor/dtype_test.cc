#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "tensor/halves.h"

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

TEST(Half, ManyHalvesAtOnceAreTheSame) {
  std::vector<float> floats(1 << 16);
  std::vector<uint16_t> halves(floats.size());
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const auto* bytes = reinterpret_cast<const std::byte*>(halves.data());
  halves_to_floats(bytes, floats);
  for (size_t i = 0; i < halves.size(); ++i)
    if (const float wanted = half_to_float(halves[i]); std::isnan(wanted))
      EXPECT_TRUE(std::isnan(floats[i]));
    else
      ASSERT_EQ(floats[i], wanted) << i;
  // Between two halves, at both, past the largest, and of each length.
  std::mt19937 random(1);
  for (size_t length = 0; length < 40; ++length) {
    std::vector<float> values(length);
    for (float& value : values)
      value = std::bit_cast<float>(static_cast<uint32_t>(random() % 0x50000000u)) *
              (random() % 2 == 0 ? 1.0f : -1.0f);
    std::vector<uint16_t> result(length + 1, 0x1234);
    floats_to_halves(values, result.data());
    for (size_t i = 0; i < length; ++i) ASSERT_EQ(result[i], float_to_half(values[i])) << values[i];
    EXPECT_EQ(result[length], 0x1234);
  }
}

}  // namespace
}  // namespace drypoint
