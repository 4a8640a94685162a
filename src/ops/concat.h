// Concatenation along one dimension.
#pragma once

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

}  // namespace drypoint
