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

/// Whether b can be broadcast to a as described above.
bool broadcasts(const Shape& b, const Shape& a);

}  // namespace drypoint
