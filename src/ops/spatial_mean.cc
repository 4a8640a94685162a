#include "ops/spatial_mean.h"

namespace drypoint {

TensorType infer(const SpatialMean& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].shape.size() == 4, op.name,
               "expected one input [N, H, W, C]");
  return inputs[0];
}

}  // namespace drypoint
