// Two-dimensional convolution of channels-last pictures.
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [N, H, W, I], weight [O, I, KH, KW], bias [O] or [1, O] if `bias`, residual [N, H', W', O] if
/// `residual` -> activation(conv(x) + bias + residual) [N, H', W', O],
/// H' = (H + top + bottom - KH) / stride + 1. Padding is with zeros.
struct Conv2d {
  static constexpr std::string_view name = "conv2d";
  int64_t stride = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  // rows and columns of padding
  bool bias = true, residual = false;
  ActivationKind activation = ActivationKind::none;

  int residual_index() const { return bias ? 3 : 2; }

  static void fields(auto& self, auto&& field) {
    field("stride", self.stride);
    field("top", self.top);
    field("left", self.left);
    field("bottom", self.bottom);
    field("right", self.right);
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
  }
  bool operator==(const Conv2d&) const = default;
};
TensorType infer(const Conv2d& op, Inputs inputs);

}  // namespace drypoint
