// Rectifiers that let a share of what is negative through.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [..., C], perhaps slopes [C] -> x where it is positive, else x times `slope` (the leaky ReLU)
/// or its channel's slope (PReLU, https://arxiv.org/abs/1502.01852).
struct LeakyRelu {
  static constexpr std::string_view name = "leaky_relu";
  float slope = 0.2f;  // where there are no slopes

  static void fields(auto& self, auto&& field) { field("slope", self.slope); }
  bool operator==(const LeakyRelu&) const = default;
};
TensorType infer(const LeakyRelu& op, Inputs inputs);

template <>
struct OpTraits<LeakyRelu>
    : RowsOfFirst, PrecisionOfFirst, InPlaceOfFirst, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static double flops(const LeakyRelu&, Inputs, const TensorType& output) {
    return 2 * elements_of(output);
  }
};

}  // namespace drypoint
