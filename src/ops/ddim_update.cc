#include "ops/ddim_update.h"

namespace drypoint {

TensorType infer(const DdimUpdate& op, Inputs inputs) {
  const size_t count = 4u + op.noise;
  expect_input(inputs.size() == count, op.name, "{} inputs, expected {}", inputs.size(), count);
  const Shape &x = inputs[0].shape, &eps = inputs[1].shape;
  expect_input(inputs[0].dtype == DType::f32 && x.size() == 4, op.name,
               "latent {}, expected f32 [N, C, h, w]", to_string(inputs[0]));
  expect_input(eps.size() == 4 && (eps[0] == x[0] || eps[0] == 2 * x[0]) && eps[1] == x[2] &&
                   eps[2] == x[3] && eps[3] == x[1],
               op.name, "noise prediction {} of latent {}", to_string(eps), to_string(x));
  const Shape& rows = inputs[2].shape;
  expect_input(inputs[2].dtype == DType::f32 && rows.size() == 2 && rows[1] == 6, op.name,
               "coefficients {}, expected f32 [S, 6]", to_string(inputs[2]));
  expect_input(inputs[3] == (TensorType{DType::i32, {1}}), op.name, "step {}, expected i32[1]",
               to_string(inputs[3]));
  if (op.noise)
    expect_input(inputs[4] == inputs[0], op.name, "noise {}, expected {}", to_string(inputs[4]),
                 to_string(inputs[0]));
  return inputs[0];
}

}  // namespace drypoint
