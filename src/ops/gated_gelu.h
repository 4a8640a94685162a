// The gate of the transformer blocks' feed-forward (GEGLU, https://arxiv.org/abs/2002.05202).
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [..., 2 C] -> x[..., :C] * gelu(x[..., C:]) [..., C], with the exact gelu.
struct GatedGelu {
  static constexpr std::string_view name = "gated_gelu";

  static void fields(auto&, auto&&) {}
  bool operator==(const GatedGelu&) const = default;
};
TensorType infer(const GatedGelu& op, Inputs inputs);

template <>
struct OpTraits<GatedGelu>
    : RowsOfFirst, PrecisionOfFirst, NotInPlace, PairedAsItIs, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static double flops(const GatedGelu&, Inputs, const TensorType& output) {
    return elements_of(output) * flops_of_gate;
  }
};

}  // namespace drypoint
