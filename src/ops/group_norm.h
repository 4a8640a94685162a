// Group normalisation (https://arxiv.org/abs/1803.08494).
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [N, ..., C], gamma [C], beta [C] -> activation((x - mean) / sqrt(variance + epsilon) * gamma +
/// beta); mean and variance (of the whole population) over each sample's group of C / groups
/// neighbouring channels.
struct GroupNorm {
  static constexpr std::string_view name = "group_norm";
  int64_t groups = 32;
  float epsilon = 1e-5f;
  ActivationKind activation = ActivationKind::none;

  static void fields(auto& self, auto&& field) {
    field("groups", self.groups);
    field("epsilon", self.epsilon);
    field("activation", self.activation);
  }
  bool operator==(const GroupNorm&) const = default;
};
TensorType infer(const GroupNorm& op, Inputs inputs);

}  // namespace drypoint
