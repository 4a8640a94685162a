// The same elements in the same order under another shape. Costs nothing: backends share the bytes.
#pragma once

#include "ops/fields.h"

namespace drypoint {

struct Reshape {
  static constexpr std::string_view name = "reshape";
  Shape shape;

  static void fields(auto& self, auto&& field) { field("shape", self.shape); }
  bool operator==(const Reshape&) const = default;
};
TensorType infer(const Reshape& op, Inputs inputs);

}  // namespace drypoint
