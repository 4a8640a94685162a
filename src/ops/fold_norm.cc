#include "ops/fold_norm.h"

namespace drypoint {

TensorType infer(const FoldNorm& op, Inputs inputs) {
  expect_input(inputs.size() == 2, op.name, "{} inputs, expected 2", inputs.size());
  const Shape &weight = inputs[0].shape, &gamma = inputs[1].shape;
  expect_input(weight.size() == 2 && gamma == Shape{weight[1]}, op.name, "gamma {} on weight {}",
               gamma, weight);
  return inputs[0];
}

}  // namespace drypoint
