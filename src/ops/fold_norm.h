// A layer norm's part in the product that follows it.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// weight [O, I], gamma [I] -> w[o, i] = weight[o, i] * gamma[i], less the mean of w[o, :] [O, I].
///
/// A product with such a weight takes the mean off its input by itself: with d = sqrt(variance +
/// epsilon) of x, LayerNorm(x) weight^T = (x - mean) / d (weight gamma)^T + beta weight^T, and
/// since the rows of w sum to zero, mean w^T = 0.
///
/// Of weights alone, so that the weight store computes it, on the reference backend; others have no
/// kernel for it.
struct FoldNorm {
  static constexpr std::string_view name = "fold_norm";

  static void fields(auto&, auto&&) {}
  bool operator==(const FoldNorm&) const = default;
};
TensorType infer(const FoldNorm& op, Inputs inputs);

template <>
struct OpTraits<FoldNorm>
    : MixesRows, AnyPrecision, NotInPlace, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = false;
};

}  // namespace drypoint
