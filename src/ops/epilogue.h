// What happens to the results of a product or convolution before they are stored.
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// quantize(activation(scale * gate(dequantize(product) + bias) + residual)). What it needs beside
/// the product are further operands, see `positions_of`.
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
  /// x is of eight bits, in which kernels pack the weight as well, each of its rows with a scale of
  /// its own (`scale_of`). Sums times that and `input_scales` [K], one for each of K equal shares
  /// of the result's rows, are what the product is, in the type `to`.
  bool dequantize = false;
  DType to = DType::f32;
  /// f8 or i8: the result is divided by `output_scales` [K], one for each of K equal shares of its
  /// rows, and rounded; see `Quantize`.
  DType quantize = DType::f32;

  static void fields(auto& self, auto&& field) {
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
    field("select", self.select);
    field("scale", self.scale);
    field("gate", self.gate);
    field("dequantize", self.dequantize);
    field("to", self.to);
    field("quantize", self.quantize);
  }
  bool operator==(const Epilogue&) const = default;

  /// Whether a residual, a scale or an activation could still be added after what is there.
  bool is_open() const { return !residual && activation == ActivationKind::none && !quantizes(); }
  bool quantizes() const { return quantize != DType::f32; }
};

}  // namespace drypoint
