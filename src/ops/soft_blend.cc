#include "ops/soft_blend.h"

namespace drypoint {

TensorType infer(const SoftBlend& op, Inputs inputs) {
  const size_t expected = op.guided ? 7 : 6;
  expect_input(inputs.size() == expected, op.name, "{} inputs, expected {}", inputs.size(),
               expected);
  const Shape &output = inputs[0].shape, &slots = inputs[1].shape, &known = inputs[3].shape,
              &rows = inputs[4].shape;
  expect_input(known.size() == 4 && known[0] >= 1 && inputs[3].dtype == DType::f32, op.name,
               "known {}, expected f32 [N, C, h, w]", inputs[3]);
  expect_input(output == Shape{(op.guided ? 2 : 1) * known[0], known[2], known[3], known[1]},
               op.name, "output {} with known {}", output, known);
  expect_input(inputs[1].dtype == DType::f32 && slots.size() == 4 && slots[0] >= known[0] &&
                   std::equal(known.begin() + 1, known.end(), slots.begin() + 1),
               op.name, "slots {} with known {}", inputs[1], known);
  expect_input(inputs[2] == (TensorType{DType::f32, {known[0], 1, known[2], known[3]}}), op.name,
               "mask {} with known {}", inputs[2], known);
  expect_input(inputs[4].dtype == DType::f32 && rows.size() == 2 && rows[1] == SoftRow::size,
               op.name, "rows {}, expected f32 [S, {}]", inputs[4], SoftRow::size);
  expect_input(inputs[5] == (TensorType{DType::i32, {1}}), op.name, "step {}, expected i32[1]",
               inputs[5]);
  expect_input(!op.guided || inputs[6] == (TensorType{DType::f32, {known[0]}}), op.name,
               "guidance scale {}, expected f32[{}]", inputs.back(), known[0]);
  return {DType::f32, {known[0], known[2], known[3], known[1]}};
}

}  // namespace drypoint
