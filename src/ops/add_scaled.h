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

}  // namespace drypoint
