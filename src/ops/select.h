// One row of a table, chosen at run time.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// table [S, ...], index [1] (i32, 0 <= index < S) -> table[index:index+1] [1, ...].
struct Select {
  static constexpr std::string_view name = "select";

  static void fields(auto&, auto&&) {}
  bool operator==(const Select&) const = default;
};
TensorType infer(const Select& op, Inputs inputs);

}  // namespace drypoint
