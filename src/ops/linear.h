// Product with a weight matrix.
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [..., I], weight [O, I], bias [O] or [1, O] if `bias`, residual [..., O] if `residual`
/// -> activation(x weight^T + bias + residual) [..., O].
struct Linear {
  static constexpr std::string_view name = "linear";
  bool bias = true, residual = false;
  ActivationKind activation = ActivationKind::none;

  int residual_index() const { return bias ? 3 : 2; }

  static void fields(auto& self, auto&& field) {
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
  }
  bool operator==(const Linear&) const = default;
};
TensorType infer(const Linear& op, Inputs inputs);

}  // namespace drypoint
