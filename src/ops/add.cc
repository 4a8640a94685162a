#include "ops/add.h"

namespace drypoint {

bool broadcasts(const Shape& b, const Shape& a) {
  if (b.size() > a.size()) return false;
  for (size_t i = 1; i <= b.size(); ++i)
    if (b[b.size() - i] != a[a.size() - i] && b[b.size() - i] != 1) return false;
  return true;
}

TensorType infer(const Add& op, Inputs inputs) {
  expect_input(inputs.size() == 2, op.name, "{} inputs, expected 2", inputs.size());
  expect_input(broadcasts(inputs[1].shape, inputs[0].shape), op.name, "{} + {}", inputs[0].shape,
               inputs[1].shape);
  return inputs[0];
}

}  // namespace drypoint
