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
///
/// `normed`: x is first divided by its rows' sqrt(variance + epsilon): what is left of a layer norm
/// when the rest of it is in the weight and the bias; see `FoldNorm`.
/// `joined`: the last input `rest` [N, ..., I'] continues the rows of x, for a weight [O, I + I'].
struct Linear {
  static constexpr std::string_view name = "linear";
  bool bias = true, residual = false;
  ActivationKind activation = ActivationKind::none;
  bool select = false;
  int64_t scale = -1;
  int64_t groups = 1;
  bool gated = false;
  bool normed = false;
  float epsilon = 1e-5f;
  bool joined = false;

  static void fields(auto& self, auto&& field) {
    field("bias", self.bias);
    field("residual", self.residual);
    field("activation", self.activation);
    field("select", self.select);
    field("scale", self.scale);
    field("groups", self.groups);
    field("gated", self.gated);
    field("normed", self.normed);
    field("epsilon", self.epsilon);
    field("joined", self.joined);
  }
  bool operator==(const Linear&) const = default;
};
TensorType infer(const Linear& op, Inputs inputs);

}  // namespace drypoint
