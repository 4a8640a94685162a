#include "ops/surface_normals.h"

namespace drypoint {

TensorType infer(const SurfaceNormals& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && !inputs[0].shape.empty() && inputs[0].shape.back() == 4,
               op.name, "expected one input [..., 4]");
  return inputs[0];
}

}  // namespace drypoint
