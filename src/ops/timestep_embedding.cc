#include "ops/timestep_embedding.h"

namespace drypoint {

TensorType infer(const TimestepEmbedding& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].shape.size() == 1, op.name, "expected t [S]");
  expect_input(op.width > 0 && op.width % 2 == 0, op.name, "width {}, expected an even one",
               op.width);
  return {DType::f32, {inputs[0].shape[0], op.width}};
}

}  // namespace drypoint
