#include "image/weighted_sums.h"

#include <random>

#include "support/op_runner.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

template <class Number>
void expect_sums_in_order() {
  constexpr size_t taps = 9;
  std::mt19937 engine(3);
  std::uniform_real_distribution<Number> uniform(-1, 1);
  for (const size_t count : {1, 7, 64, 301}) {
    std::vector<Number> weights(taps), values(taps * count);
    for (Number& one : weights) one = uniform(engine);
    for (Number& one : values) one = uniform(engine);
    std::vector<const Number*> rows;
    for (size_t k = 0; k < taps; ++k) rows.push_back(&values[k * count]);
    std::vector<Number> expected(count), found(count);
    for (size_t k = 0; k < taps; ++k)
      for (size_t i = 0; i < count; ++i) {
        const volatile Number product = weights[k] * rows[k][i];  // rounded
        expected[i] += product;
      }
    for (const int64_t target : testing::vector_targets()) {
      const testing::OnTarget on(target);
      weighted_sums(weights, rows.data(), found.data(), count);
      EXPECT_EQ(found, expected);
    }
  }
}

TEST(WeightedSums, AreTheSameToTheLastBitOnEveryProcessor) {
  expect_sums_in_order<float>();
  expect_sums_in_order<double>();
}

}  // namespace
}  // namespace drypoint
