// Concatenation along one dimension.
#pragma once

#include <numeric>

#include "ops/fields.h"

namespace drypoint {

/// Tensors that differ at most in dimension `axis` -> one tensor, in order. A negative axis counts
/// from the last dimension.
struct Concat {
  static constexpr std::string_view name = "concat";
  int64_t axis = -1;

  static void fields(auto& self, auto&& field) { field("axis", self.axis); }
  bool operator==(const Concat&) const = default;
};
TensorType infer(const Concat& op, Inputs inputs);

template <>
struct OpTraits<Concat> : MixesRows, NotInPlace, NotPaired, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static std::vector<int> of_own_precision(const Concat&, size_t count) {
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
};

}  // namespace drypoint
