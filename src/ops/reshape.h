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

template <>
struct OpTraits<Reshape> : AnyPrecision, View, PlainForm, NoArithmetic, ReadsAllOnce {
  static constexpr Category category = Category::rearranging;
  static constexpr bool exported = true;
  static std::vector<int> rows(const Reshape& op, Inputs inputs) {
    const bool same_rows = !op.shape.empty() && op.shape[0] == inputs[0].shape[0];
    return same_rows ? std::vector{0} : std::vector<int>();
  }
  static bool pair(Reshape& op) {
    if (op.shape.empty()) return false;
    op.shape[0] *= 2;
    return true;
  }
  static PairedInput paired_input(const Reshape&, int) { return PairedInput::rows; }
};

}  // namespace drypoint
