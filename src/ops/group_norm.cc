#include "ops/group_norm.h"

namespace drypoint {

TensorType infer(const GroupNorm& op, Inputs inputs) {
  expect_input(inputs.size() == 3, op.name, "{} inputs, expected 3", inputs.size());
  const Shape& x = inputs[0].shape;
  expect_input(x.size() >= 2 && op.groups > 0 && x.back() % op.groups == 0, op.name,
               "{} groups on x {}", op.groups, to_string(x));
  for (int i : {1, 2})
    expect_input(inputs[i].elements() == op.weight_groups * x.back(), op.name,
                 "input {} is {}, expected [{}]", i, to_string(inputs[i].shape),
                 op.weight_groups * x.back());
  return inputs[0];
}

}  // namespace drypoint
