// Two-dimensional convolution of channels-last pictures.
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [N, H, W, I], weight [groups * O, I, KH, KW], bias [groups * O] if `bias`, residual
/// [N, H', W', O] if `residual` -> activation(scale * (conv(x) + bias) + residual) [N, H', W', O],
/// H' = (H + top + bottom - KH) / stride + 1. Padding is with zeros.
///
/// `groups`: the first N / groups pictures see the first O filters, the next the next, and so on.
/// `doubled`: instead of x, its nearest-neighbour enlargement to [N, 2 H, 2 W, I] is convolved.
/// `select`: bias is a table [S, groups * O], of which a further input `step` (i32 [1]) says the
/// row. `scale` >= 0: a further input `scales` [K] holds the factor, else it is 1.
/// `joined`: as many last inputs (at most 2), each `rest` [N, H', W', I'], continue the windows'
/// rows, for a weight [groups * O, I * KH * KW + I' + ...] and filters of the size `height`,
/// `width` (else the weight says it).
struct Conv2d {
  static constexpr std::string_view name = "conv2d";
  int64_t stride = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  // rows and columns of padding
  bool bias = true, residual = false;
  ActivationKind activation = ActivationKind::none;
  bool select = false;
  int64_t scale = -1;
  int64_t groups = 1;
  bool doubled = false;
  int64_t joined = 0;
  int64_t height = 0, width = 0;

  static void fields(auto& self, auto&& field) {
    field("stride", self.stride);
    field("top", self.top);
    field("left", self.left);
    field("bottom", self.bottom);
    field("right", self.right);
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
    field("select", self.select);
    field("scale", self.scale);
    field("groups", self.groups);
    field("doubled", self.doubled);
    field("joined", self.joined);
    field("height", self.height);
    field("width", self.width);
  }
  bool operator==(const Conv2d&) const = default;
};
TensorType infer(const Conv2d& op, Inputs inputs);

/// Rows and columns of the filters.
inline int64_t filter_height(const Conv2d& op, const Shape& weight) {
  return op.joined > 0 ? op.height : weight[2];
}
inline int64_t filter_width(const Conv2d& op, const Shape& weight) {
  return op.joined > 0 ? op.width : weight[3];
}

}  // namespace drypoint
