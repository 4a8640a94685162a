// The number of the next step.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// i32 [1] -> the same plus one.
struct Increment {
  static constexpr std::string_view name = "increment";

  static void fields(auto&, auto&&) {}
  bool operator==(const Increment&) const = default;
};
TensorType infer(const Increment& op, Inputs inputs);

template <>
struct OpTraits<Increment>
    : MixesRows, AnyPrecision, InPlaceOfFirst, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
};

}  // namespace drypoint
