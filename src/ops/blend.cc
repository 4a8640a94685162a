#include "ops/blend.h"

#include <algorithm>

namespace drypoint {

TensorType infer(const Blend& op, Inputs inputs) {
  expect_input(inputs.size() == 6, op.name, "{} inputs, expected 6", inputs.size());
  const Shape &x = inputs[0].shape, &mask = inputs[1].shape, &known = inputs[2].shape,
              &other = inputs[3].shape, &rows = inputs[4].shape;
  expect_input(known.size() == 4 && known[0] >= 1 && inputs[2].dtype == DType::f32, op.name,
               "known {}, expected f32 [N, C, h, w]", inputs[2]);
  const Shape last{known[2], known[3], known[1]};
  expect_input(
      x.size() == 4 && x[0] >= 1 && x[0] % known[0] == 0 &&
          std::equal(x.begin() + 1, x.end(), op.channels_last ? last.begin() : known.begin() + 1),
      op.name, "x {} with known {}", x, known);
  expect_input(inputs[1] == (TensorType{DType::f32, {known[0], 1, known[2], known[3]}}), op.name,
               "mask {} with known {}", mask, known);
  expect_input(inputs[3].dtype == DType::f32 && other.size() == 4 && other[0] >= known[0] &&
                   std::equal(known.begin() + 1, known.end(), other.begin() + 1),
               op.name, "other {} with known {}", inputs[3], known);
  expect_input(inputs[4].dtype == DType::f32 && rows.size() == 2 && rows[1] == 3, op.name,
               "rows {}, expected f32 [S, 3]", inputs[4]);
  expect_input(inputs[5] == (TensorType{DType::i32, {1}}), op.name, "step {}, expected i32[1]",
               inputs[5]);
  return inputs[0];
}

}  // namespace drypoint
