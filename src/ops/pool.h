// What the pooling operations have in common.
#pragma once

#include <algorithm>

#include "ops/fields.h"

namespace drypoint {

/// A window of size x size that moves by `stride` over x [N, H, W, C], as if there were `padding`
/// more rows and columns on each side; what lies there is left out of account.
/// -> [N, H', W', C], H' = (H + 2 padding - size) / stride + 1.
template <class Pool>
TensorType infer_pool(const Pool& op, Inputs inputs) {
  expect_input(inputs.size() == 1 && inputs[0].shape.size() == 4, op.name,
               "expected one input [N, H, W, C]");
  expect_input(op.size > 0 && op.stride > 0 && op.padding >= 0 && 2 * op.padding < op.size + 1,
               op.name, "size {}, stride {}, padding {}", op.size, op.stride, op.padding);
  const Shape& x = inputs[0].shape;
  const int64_t height = (x[1] + 2 * op.padding - op.size) / op.stride + 1;
  const int64_t width = (x[2] + 2 * op.padding - op.size) / op.stride + 1;
  expect_input(x[1] + 2 * op.padding >= op.size && x[2] + 2 * op.padding >= op.size, op.name,
               "x {} is smaller than a window of {}", x, op.size);
  return {inputs[0].dtype, {x[0], height, width, x[3]}};
}

template <class Pool>
struct PoolTraits : RowsOfFirst, PrecisionOfFirst, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static double flops(const Pool& op, Inputs, const TensorType& output) {
    return elements_of(output) * static_cast<double>(op.size * op.size);
  }
};

/// The rows (or columns) of the input under window number `i`, of those that are there.
struct Window {
  int64_t begin = 0, end = 0;
  Window(int64_t i, int64_t size, int64_t stride, int64_t padding, int64_t rows)
      : begin(std::max<int64_t>(i * stride - padding, 0)),
        end(std::min(i * stride - padding + size, rows)) {}
};

}  // namespace drypoint
