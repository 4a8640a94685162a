#include "ops/concat.h"

namespace drypoint {

TensorType infer(const Concat& op, Inputs inputs) {
  expect_input(!inputs.empty(), op.name, "no inputs");
  TensorType out = inputs[0];
  const auto rank = static_cast<int64_t>(out.shape.size());
  const int64_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  expect_input(axis >= 0 && axis < rank, op.name, "axis {} of {}", op.axis, out.shape);
  for (const TensorType& input : inputs.subspan(1)) {
    TensorType other = input;
    expect_input(other.shape.size() == out.shape.size(), op.name, "{} after {}", input.shape,
                 out.shape);
    out.shape[axis] += other.shape[axis];
    other.shape[axis] = out.shape[axis];
    expect_input(other == out, op.name, "{} after {}", input.shape, inputs[0].shape);
  }
  return out;
}

}  // namespace drypoint
