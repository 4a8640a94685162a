// Adds a control tensor with its strength.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// a, b of one shape, scales [K] -> a + scales[index] * b.
struct AddScaled {
  static constexpr std::string_view name = "add_scaled";
  int64_t index = 0;

  static void fields(auto& self, auto&& field) { field("index", self.index); }
  bool operator==(const AddScaled&) const = default;
};
TensorType infer(const AddScaled& op, Inputs inputs);

template <>
struct OpTraits<AddScaled> : InPlaceOfFirst, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static std::vector<int> rows(const AddScaled&, Inputs) { return {0, 1}; }
  static std::vector<int> of_own_precision(const AddScaled&, size_t) { return {0, 1}; }
  static double flops(const AddScaled&, Inputs, const TensorType& output) {
    return 2 * elements_of(output);
  }
};

}  // namespace drypoint
