// Conversion to another element type.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x -> the same values, rounded to `to` (nearest, ties to even).
struct Cast {
  static constexpr std::string_view name = "cast";
  DType to = DType::f32;

  static void fields(auto& self, auto&& field) { field("to", self.to); }
  bool operator==(const Cast&) const = default;
};
TensorType infer(const Cast& op, Inputs inputs);

template <>
struct OpTraits<Cast>
    : RowsOfFirst, AnyPrecision, NotInPlace, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = false;
};

}  // namespace drypoint
