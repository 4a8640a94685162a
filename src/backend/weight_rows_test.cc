#include "backend/weight_rows.h"

#include <numeric>

#include "support/test_support.h"

namespace drypoint {
namespace {

Tensor counted(Shape shape, float from) {
  std::vector<float> values(static_cast<size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), from);
  return make_tensor(std::move(shape), values);
}

/// Rows that are made when they are asked for.
WeightRows made(const Tensor& values) {
  return {values.shape(),
          [=, size = WeightRows(values).row_size()](int64_t first, std::span<float> room) {
            const auto from =
                values.floats().subspan(static_cast<size_t>(first) * size, room.size());
            std::ranges::copy(from, room.begin());
            return static_cast<const float*>(room.data());
          }};
}

void expect_rows(const WeightRows& rows, const Tensor& expected) {
  EXPECT_EQ(rows.shape(), expected.shape());
  EXPECT_TRUE(std::ranges::equal(rows.whole().floats(), expected.floats()));
  const size_t size = rows.row_size();
  for (int64_t first = 0; first < rows.count(); ++first)
    for (int64_t count = 1; first + count <= rows.count(); ++count) {
      std::vector<float> room(static_cast<size_t>(count) * size);
      const float* found = rows.read(first, room);
      EXPECT_TRUE(std::ranges::equal(
          std::span(found, room.size()),
          expected.floats().subspan(static_cast<size_t>(first) * size, room.size())));
    }
}

TEST(WeightRows, AreReadFromAnyOnAndJoinedAndReshaped) {
  const Tensor a = counted({3, 2, 2}, 0), b = counted({1, 2, 2}, 12), c = counted({4, 2, 2}, 16);
  expect_rows(a, a);
  expect_rows(made(a), a);
  expect_rows(joined({8, 2, 2}, {made(a), b, made(c)}), counted({8, 2, 2}, 0));
  expect_rows(made(c).reshaped({4, 4}), counted({4, 4}, 16));
  expect_rows(made(c).reshaped({2, 8}), counted({2, 8}, 16));
  expect_rows(WeightRows(c).reshaped({4, 4}), counted({4, 4}, 16));
  expect_rows(made(counted({}, 5)), counted({}, 5));
  // More than fit into a cache.
  const Tensor large = counted({70, 1024}, 0);
  EXPECT_TRUE(std::ranges::equal(made(large).whole().floats(), large.floats()));
}

}  // namespace
}  // namespace drypoint
