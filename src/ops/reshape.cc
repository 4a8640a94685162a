#include "ops/reshape.h"

namespace drypoint {

TensorType infer(const Reshape& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].elements() == element_count(op.shape), op.name,
               "{} to {}", inputs.empty() ? "nothing" : to_string(inputs[0].shape), op.shape);
  return {inputs[0].dtype, op.shape};
}

}  // namespace drypoint
