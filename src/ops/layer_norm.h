// Layer normalisation over the last dimension (https://arxiv.org/abs/1607.06450).
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, ..., C], gamma [weight_groups * C], beta [weight_groups * C]
/// -> (x - mean) / sqrt(variance + epsilon) * gamma + beta; `weight_groups` as in `GroupNorm`.
struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  float epsilon = 1e-5f;
  int64_t weight_groups = 1;
  DType quantize = DType::f32;  // as in `GroupNorm`

  static void fields(auto& self, auto&& field) {
    field("epsilon", self.epsilon);
    field("weight_groups", self.weight_groups);
    field("quantize", self.quantize);
  }
  bool operator==(const LayerNorm&) const = default;
};
TensorType infer(const LayerNorm& op, Inputs inputs);

template <>
struct OpTraits<LayerNorm> : PrecisionOfFirst, ReadsAllOnce {
  static constexpr bool is_view = false;
  static int in_place(const LayerNorm& op) { return op.quantize != DType::f32 ? -1 : 0; }
  static constexpr Category category = Category::norm;
  static constexpr bool exported = true;
  static bool pair(LayerNorm& op) { return op.weight_groups = 2, true; }
  static PairedInput paired_input(const LayerNorm&, int) { return PairedInput::rows; }
  static std::vector<int> rows(const LayerNorm& op, Inputs) {
    return op.weight_groups > 1 ? std::vector<int>() : std::vector{0};
  }
  static FusedForms forms(const LayerNorm& op) {
    return {.groups = op.weight_groups > 1, .quantize = op.quantize != DType::f32};
  }
  static double flops(const LayerNorm&, Inputs, const TensorType& output) {
    return elements_of(output) * flops_of_norm;
  }
};

}  // namespace drypoint
