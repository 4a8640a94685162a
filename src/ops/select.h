// One row of a table, chosen at run time.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// table [S, ...], index [1] (i32, 0 <= index < S) -> table[index:index+1] [1, ...].
struct Select {
  static constexpr std::string_view name = "select";

  static void fields(auto&, auto&&) {}
  bool operator==(const Select&) const = default;
};
TensorType infer(const Select& op, Inputs inputs);

template <>
struct OpTraits<Select> : MixesRows, AnyPrecision, NotInPlace, NotPaired, PlainForm, NoArithmetic {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static double elements_read(const Select&, size_t i, Inputs inputs, const TensorType&) {
    return i == 0 ? elements_of_row(inputs[i]) : elements_of(inputs[i]);
  }
};

}  // namespace drypoint
