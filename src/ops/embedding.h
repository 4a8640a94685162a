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

}  // namespace drypoint
