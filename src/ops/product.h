// What convolutions and products have in common.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x and the weight, then a bias if `op.bias`, then a residual if `op.residual`.
template <class Product>
void expect_input_count(const Product& op, Inputs inputs) {
  const size_t count = 2u + op.bias + op.residual;
  expect_input(inputs.size() == count, op.name, "{} inputs, expected {}", inputs.size(), count);
}

/// The bias has one value for each of the result's channels, the residual the result's own type.
template <class Product>
void expect_bias_and_residual(const Product& op, Inputs inputs, const TensorType& out) {
  if (op.bias)
    expect_input(inputs[2].elements() == out.shape.back(), op.name, "bias {}, expected [{}]",
                 to_string(inputs[2].shape), out.shape.back());
  if (op.residual)
    expect_input(inputs.back() == out, op.name, "residual {}, expected {}",
                 to_string(inputs.back()), to_string(out));
}

}  // namespace drypoint
