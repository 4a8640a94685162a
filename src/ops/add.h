// Sum of two tensors.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// a + b, where b's dimensions, aligned at the last, equal a's or are 1: [N, H, W, C] + [1, C].
struct Add {
  static constexpr std::string_view name = "add";

  static void fields(auto&, auto&&) {}
  bool operator==(const Add&) const = default;
};
TensorType infer(const Add& op, Inputs inputs);

template <>
struct OpTraits<Add> : InPlaceOfFirst, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static std::vector<int> rows(const Add&, Inputs inputs) {
    const bool same_rows = inputs[1].shape.size() == inputs[0].shape.size() &&
                           inputs[1].shape[0] == inputs[0].shape[0];
    if (same_rows && inputs[0].shape[0] != 1) return {0, 1};
    return {0};
  }
  static std::vector<int> of_own_precision(const Add&, size_t) { return {0, 1}; }
  static double flops(const Add&, Inputs, const TensorType& output) { return elements_of(output); }
};

/// Whether b can be broadcast to a as described above.
bool broadcasts(const Shape& b, const Shape& a);

}  // namespace drypoint
