// Table look-up.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// ids [...] (i32, 0 <= id < V), table [V, C] -> [..., C].
struct Embedding {
  static constexpr std::string_view name = "embedding";

  static void fields(auto&, auto&&) {}
  bool operator==(const Embedding&) const = default;
};
TensorType infer(const Embedding& op, Inputs inputs);

template <>
struct OpTraits<Embedding>
    : MixesRows, AnyPrecision, NotInPlace, NotPaired, PlainForm, NoArithmetic {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static double elements_read(const Embedding&, size_t i, Inputs inputs, const TensorType& output) {
    return i == 1 ? elements_of(output) : elements_of(inputs[i]);
  }
};

}  // namespace drypoint
