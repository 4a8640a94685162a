// Group normalisation (https://arxiv.org/abs/1803.08494).
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [N, ..., C], gamma [weight_groups * C], beta [weight_groups * C] -> activation((x - mean) /
/// sqrt(variance + epsilon) * gamma + beta); mean and variance (of the whole population) over each
/// sample's group of C / groups neighbouring channels. The first N / weight_groups samples take the
/// first C of gamma and beta, the next the next, and so on.
/// `joined`: a last input `rest` [N, ..., C'] continues the rows of x; C is then that of both.
struct GroupNorm {
  static constexpr std::string_view name = "group_norm";
  int64_t groups = 32;
  float epsilon = 1e-5f;
  ActivationKind activation = ActivationKind::none;
  int64_t weight_groups = 1;
  bool joined = false;

  static void fields(auto& self, auto&& field) {
    field("groups", self.groups);
    field("epsilon", self.epsilon);
    field("activation", self.activation);
    field("weight_groups", self.weight_groups);
    field("joined", self.joined);
  }
  bool operator==(const GroupNorm&) const = default;
};
TensorType infer(const GroupNorm& op, Inputs inputs);

}  // namespace drypoint
