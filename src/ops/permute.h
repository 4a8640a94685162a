// Reordered dimensions.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// out's dimension i is x's dimension axes[i]: {0, 2, 3, 1} makes [N, H, W, C] of [N, C, H, W].
struct Permute {
  static constexpr std::string_view name = "permute";
  std::vector<int64_t> axes;

  static void fields(auto& self, auto&& field) { field("axes", self.axes); }
  bool operator==(const Permute&) const = default;
};
TensorType infer(const Permute& op, Inputs inputs);

template <>
struct OpTraits<Permute>
    : AnyPrecision, NotInPlace, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static std::vector<int> rows(const Permute& op, Inputs) {
    return !op.axes.empty() && op.axes[0] == 0 ? std::vector{0} : std::vector<int>();
  }
};

}  // namespace drypoint
