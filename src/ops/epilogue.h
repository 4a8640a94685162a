// What happens to the results of a product or convolution before they are stored.
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// activation(scale * gate(product + bias) + residual). What it needs beside the product are
/// further operands, see `positions_of`.
struct Epilogue {
  bool bias = true;       ///< + bias [groups * O]
  bool residual = false;  ///< + residual, of the result's type
  ActivationKind activation = ActivationKind::none;
  /// The bias is a table [S, groups * O], of which the operand `step` (i32 [1]) says the row.
  bool select = false;
  /// Not negative: times this element of the operand `scales` [K].
  int64_t scale = -1;
  /// Of the product p [N, ..., 2 C] with its bias, p[..., :C] * gelu(p[..., C:]) goes on, and the
  /// result is [N, ..., C]; see `GatedGelu`. Of `Linear` alone.
  bool gate = false;

  static void fields(auto& self, auto&& field) {
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
    field("select", self.select);
    field("scale", self.scale);
    field("gate", self.gate);
  }
  bool operator==(const Epilogue&) const = default;

  /// Whether a residual, a scale or an activation could still be added after what is there.
  bool is_open() const { return !residual && activation == ActivationKind::none; }
};

}  // namespace drypoint
