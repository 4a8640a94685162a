#include "quantize/magnitudes.h"

#include <cmath>
#include <random>

#include "support/test_support.h"

namespace drypoint {
namespace {

std::vector<float> normal_values(size_t count, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(Magnitudes, RangesAreOfWhatWasSeen) {
  Magnitudes all;
  std::vector<float> values(100000, 0.5f);
  values[7] = -100;  // one in a hundred thousand
  all.add(values);
  EXPECT_EQ(all.largest(), 100);
  EXPECT_EQ(all.range(RangeMethod::largest, DType::i8), 100);
  EXPECT_NEAR(all.range(RangeMethod::percentile, DType::i8), 0.5, 0.07);
  EXPECT_LE(all.range(RangeMethod::entropy, DType::i8), 100);
}

TEST(Magnitudes, TheLeastErrorCutsTailsOfI8AndHardlyOfF8) {
  Magnitudes all;
  all.add(normal_values(200000, 1));
  // By trying out: a normal distribution in 127 steps is best cut at about 4 deviations.
  EXPECT_NEAR(all.range(RangeMethod::mse, DType::i8), 4.0, 0.3);
  EXPECT_GT(all.range(RangeMethod::mse, DType::f8), 3.5);
  EXPECT_NEAR(all.range(RangeMethod::percentile, DType::i8), 3.89, 0.1);
}

TEST(Magnitudes, DoNotDependOnTheOrder) {
  const auto small = normal_values(5000, 1);
  auto large = normal_values(5000, 2);
  for (float& value : large) value *= 1000;
  Magnitudes first, second;
  first.add(small), first.add(large);
  second.add(large), second.add(small);
  EXPECT_EQ(first.contents()[0], second.contents()[0]);
  EXPECT_EQ(first.contents()[1], second.contents()[1]);
  double apart = 0;
  for (size_t i = 2; i < first.contents().size(); ++i)
    apart += std::fabs(first.contents()[i] - second.contents()[i]);
  EXPECT_EQ(apart, 0);
}

TEST(Magnitudes, AreKeptInNumbers) {
  Magnitudes all;
  all.add(normal_values(5000, 3));
  const Magnitudes again(all.contents(), "kept");
  EXPECT_EQ(again.contents(), all.contents());
  for (const RangeMethod method :
       {RangeMethod::largest, RangeMethod::percentile, RangeMethod::mse, RangeMethod::entropy})
    EXPECT_EQ(again.range(method, DType::i8), all.range(method, DType::i8)) << name(method);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"kept", "3"}, [] {
    Magnitudes(std::vector<float>{1, 2, 3}, "kept");
  }));
}

TEST(Magnitudes, OfNothingAreNothing) {
  Magnitudes all;
  all.add(std::vector<float>(10, 0.0f));
  for (const RangeMethod method :
       {RangeMethod::largest, RangeMethod::percentile, RangeMethod::mse, RangeMethod::entropy})
    EXPECT_EQ(all.range(method, DType::f8), 0) << name(method);
}

}  // namespace
}  // namespace drypoint
