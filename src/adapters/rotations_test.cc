// Kinds that turn weights (OFT, BOFT), in float64 as LyCORIS does it.
#include "adapters/adapter_test_base.h"
#include "adapters/cayley.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;
using Rotations = AdapterTest;

TEST_F(Rotations, OftTurnsBlocksOfOutputs) {
  // Q of [[0, t], [0, 0]] is [[0, t], [-t, 0]]; its Cayley transform is a rotation.
  const double t = 0.5, cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
  const Tensor blocks = make_tensor({2, 2, 2}, std::vector<float>{0, 0.5f, 0, 0, 0, 0, 0, 0});
  const Tensor rescale = make_tensor({4, 1}, std::vector<float>{1, 2, 3, 1});
  const Tensor w = random_tensor({4, 5}, 1);
  const auto turned = [&](int64_t o, int64_t i) {  // R^T W, R = [[c, s], [-s, c]]
    if (o > 1) return at(w, {o, i});
    return o == 0 ? cosine * at(w, {0, i}) - sine * at(w, {1, i})
                  : sine * at(w, {0, i}) + cosine * at(w, {1, i});
  };
  expect_close(apply({{"oft_blocks", blocks}, {"alpha", number(0)}}, w, 0.75),
               sum(w, 0.75, [&](auto o, auto i, auto) {
                 return turned(o, i) - at(w, {o, i});
               }));
  expect_close(apply({{"oft_diag", blocks}, {"rescale", rescale}}, w, 1),
               sum(w, 1, [&](auto o, auto i, auto) {
                 return turned(o, i) * at(rescale, {o, 0}) - at(w, {o, i});
               }));
  // The constraint: |Q| = t sqrt 2 is made 4 alpha.
  const Tensor constrained = apply({{"oft_blocks", blocks}, {"alpha", number(0.05f)}}, w, 1);
  const double shorter = 0.2 / std::sqrt(2.0);
  EXPECT_NEAR(at(constrained, {0, 0}),
              ((1 - shorter * shorter) * at(w, {0, 0}) - 2 * shorter * at(w, {1, 0})) /
                  (1 + shorter * shorter),
              1e-6);
}

TEST_F(Rotations, CayleyTransformsAreOrthogonal) {
  const Tensor r = cayley(random_tensor({3, 7, 7}, 5), 0);
  for (int64_t block = 0; block < 3; ++block)
    for (int64_t i = 0; i < 7; ++i)
      for (int64_t j = 0; j < 7; ++j) {
        double product = 0;
        for (int64_t k = 0; k < 7; ++k) product += at(r, {block, i, k}) * at(r, {block, j, k});
        EXPECT_NEAR(product, i == j ? 1 : 0, 1e-6);
      }
}

/// LyCORIS' boft_diff_weight, by reshaping: unflatten, transpose, flatten, and back.
std::vector<double> lycoris_boft(const Tensor& rotations, std::vector<double> rows, double scale) {
  const auto stages = rotations.shape()[0], b = rotations.shape()[2];
  const auto n = static_cast<int64_t>(rows.size());
  for (int64_t stage = 0; stage < stages; ++stage) {
    const int64_t k = (int64_t{1} << stage) * (b / 2);
    std::vector<double> gathered, turned(rows.size()), back(rows.size());
    for (int64_t outer = 0; outer < n / (2 * k); ++outer)
      for (int64_t inner = 0; inner < k; ++inner)
        for (int64_t g = 0; g < 2; ++g)
          gathered.push_back(rows[static_cast<size_t>(outer * 2 * k + g * k + inner)]);
    for (int64_t row = 0; row < n; ++row)
      for (int64_t j = 0; j < b; ++j) {
        const double one = row % b == j ? 1 : 0;
        turned[static_cast<size_t>(row)] +=
            (at(rotations, {stage, row / b, row % b, j}) * scale + (1 - scale) * one) *
            gathered[static_cast<size_t>(row / b * b + j)];
      }
    size_t next = 0;
    for (int64_t outer = 0; outer < n / (2 * k); ++outer)
      for (int64_t inner = 0; inner < k; ++inner)
        for (int64_t g = 0; g < 2; ++g)
          back[static_cast<size_t>(outer * 2 * k + g * k + inner)] = turned[next++];
    rows = back;
  }
  return rows;
}

TEST_F(Rotations, BoftTurnsInStages) {
  const Tensor blocks = random_tensor({3, 4, 4, 4}, 2), w = random_tensor({16, 3}, 1);
  const Tensor rotations = cayley(blocks, 0);
  for (const double strength : {1.0, 0.5}) {
    const Tensor result = apply({{"oft_blocks", blocks}}, w, strength);
    for (int64_t column = 0; column < 3; ++column) {
      std::vector<double> rows;
      for (int64_t o = 0; o < 16; ++o) rows.push_back(at(w, {o, column}));
      const auto expected = lycoris_boft(rotations, rows, strength);
      for (int64_t o = 0; o < 16; ++o)
        EXPECT_NEAR(at(result, {o, column}), expected[static_cast<size_t>(o)], 1e-5);
    }
  }
}

}  // namespace
}  // namespace drypoint
