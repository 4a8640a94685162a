// Group normalisation (https://arxiv.org/abs/1803.08494).
#pragma once

#include "ops/activation.h"

namespace drypoint {

/// x [N, ..., C], gamma [weight_groups * C], beta [weight_groups * C] -> activation((x - mean) /
/// sqrt(variance + epsilon) * gamma + beta); mean and variance (of the whole population) over each
/// sample's group of C / groups neighbouring channels. The first N / weight_groups samples take the
/// first C of gamma and beta, the next the next, and so on.
/// `concat`: a further input `rest` [N, ..., C'] continues the rows of x; C is then that of both.
struct GroupNorm {
  static constexpr std::string_view name = "group_norm";
  int64_t groups = 32;
  float epsilon = 1e-5f;
  ActivationKind activation = ActivationKind::none;
  int64_t weight_groups = 1;
  bool concat = false;
  /// f8 or i8: the result is rounded to it by the last input, scales [K]; see `Quantize`.
  DType quantize = DType::f32;

  static void fields(auto& self, auto&& field) {
    field("groups", self.groups);
    field("epsilon", self.epsilon);
    field("activation", self.activation);
    field("weight_groups", self.weight_groups);
    field("concat", self.concat);
    field("quantize", self.quantize);
  }
  bool operator==(const GroupNorm&) const = default;
};
TensorType infer(const GroupNorm& op, Inputs inputs);

template <>
struct OpTraits<GroupNorm> : ReadsAllOnce {
  static constexpr Category category = Category::norm;
  static constexpr bool exported = true;
  static bool pair(GroupNorm& op) { return op.weight_groups = 2, true; }
  static PairedInput paired_input(const GroupNorm&, int) { return PairedInput::rows; }
  static constexpr bool is_view = false;
  static int in_place(const GroupNorm& op) {
    return op.concat || op.quantize != DType::f32 ? -1 : 0;
  }
  static std::vector<int> rows(const GroupNorm& op, Inputs inputs) {
    return op.weight_groups > 1 ? std::vector<int>() : of_own_precision(op, inputs.size());
  }
  static std::vector<int> of_own_precision(const GroupNorm& op, size_t) {
    return op.concat ? std::vector{0, 3} : std::vector{0};
  }
  static FusedForms forms(const GroupNorm& op) {
    return {
        .concat = op.concat, .groups = op.weight_groups > 1, .quantize = op.quantize != DType::f32};
  }
  static double flops(const GroupNorm& op, Inputs, const TensorType& output) {
    return elements_of(output) * (flops_of_norm + flops_of(op.activation));
  }
};

}  // namespace drypoint
