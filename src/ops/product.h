// What convolutions and products have in common.
#pragma once

#include <algorithm>

#include "ops/activation.h"

namespace drypoint {

// Inputs of `Conv2d` and `Linear`, in this order, those after the weight as the operation says:
//   x, weight, bias, step (if `select`), residual, scales (if `scale` >= 0), rest (as many as
//   `joined`).

template <class Product>
int step_index(const Product& op) {
  return op.select ? 3 : -1;
}

template <class Product>
int residual_index(const Product& op) {
  return op.residual ? 2 + op.bias + op.select : -1;
}

template <class Product>
int scales_index(const Product& op) {
  return op.scale >= 0 ? 3 + op.bias + op.select : -1;
}

template <class Product>
void expect_input_count(const Product& op, Inputs inputs) {
  const size_t count = 2u + op.bias + op.select + op.residual + (op.scale >= 0) + op.joined;
  expect_input(inputs.size() == count, op.name, "{} inputs, expected {}", inputs.size(), count);
  expect_input(op.groups >= 1 && (!op.select || op.bias) && (op.scale < 0 || op.residual), op.name,
               "groups={} select={} bias={} scale={} residual={}", op.groups, op.select, op.bias,
               op.scale, op.residual);
}

/// Channels of the last inputs, which continue rows whose other dimensions are those of `rows`.
template <class Product>
int64_t joined_width(const Product& op, const Shape& rows, Inputs inputs) {
  int64_t width = 0;
  for (const TensorType& rest : inputs.last(op.joined)) {
    const Shape& shape = rest.shape;
    expect_input(
        shape.size() == rows.size() && std::equal(rows.begin(), rows.end() - 1, shape.begin()),
        op.name, "rest {}, expected all but the last dimension of {}", to_string(shape),
        to_string(rows));
    width += shape.back();
  }
  return width;
}

/// All after the weight, for a result of this type computed from a weight of `channels` rows.
template <class Product>
void expect_ends(const Product& op, Inputs inputs, const TensorType& out, int64_t channels) {
  expect_input(out.shape[0] % op.groups == 0, op.name, "{} groups of {}", op.groups,
               to_string(out.shape));
  if (op.select) {
    const Shape& table = inputs[2].shape;
    expect_input(table.size() == 2 && table[1] == channels, op.name, "bias {}, expected [S, {}]",
                 to_string(table), channels);
    expect_input(inputs[3] == (TensorType{DType::i32, {1}}), op.name, "step {}, expected i32[1]",
                 to_string(inputs[3]));
  } else if (op.bias) {
    expect_input(inputs[2].elements() == channels, op.name, "bias {}, expected [{}]",
                 to_string(inputs[2].shape), channels);
  }
  if (op.residual)
    expect_input(inputs[residual_index(op)] == out, op.name, "residual {}, expected {}",
                 to_string(inputs[residual_index(op)]), to_string(out));
  if (op.scale >= 0)
    expect_input(op.scale < inputs[scales_index(op)].elements(), op.name, "scale {} of {}",
                 op.scale, to_string(inputs[scales_index(op)].shape));
}

}  // namespace drypoint
