// A number that is known when the graph is made.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// -> value [1], f32. Of no inputs, so that the weight store computes it, on the reference backend;
/// others have no kernel for it.
struct Constant {
  static constexpr std::string_view name = "constant";
  float value = 0;

  static void fields(auto& self, auto&& field) { field("value", self.value); }
  bool operator==(const Constant&) const = default;
};
TensorType infer(const Constant& op, Inputs inputs);

template <>
struct OpTraits<Constant>
    : MixesRows, AnyPrecision, NotInPlace, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = false;
};

}  // namespace drypoint
