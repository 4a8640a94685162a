// Product with a weight matrix.
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [N, ..., I], weight [groups * O, I], bias [groups * O] or [1, O] if `bias`, residual
/// [N, ..., O] if `residual` -> activation(scale * (x weight^T + bias) + residual) [N, ..., O].
/// `groups`, `select` and `scale` as in `Conv2d`.
///
/// `gated`: of the product p [N, ..., 2 C] with its bias, p[..., :C] * gelu(p[..., C:]) goes on,
/// and the result is [N, ..., C]; see `GatedGelu`.
struct Linear {
  static constexpr std::string_view name = "linear";
  bool bias = true, residual = false;
  ActivationKind activation = ActivationKind::none;
  bool select = false;
  int64_t scale = -1;
  int64_t groups = 1;
  bool gated = false;

  static void fields(auto& self, auto&& field) {
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
    field("select", self.select);
    field("scale", self.scale);
    field("groups", self.groups);
    field("gated", self.gated);
  }
  bool operator==(const Linear&) const = default;
};
TensorType infer(const Linear& op, Inputs inputs);

}  // namespace drypoint
