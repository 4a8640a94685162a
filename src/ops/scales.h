// What numbers are divided by to fit into eight bits, found at run time.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x -> f32 [count]: of each of `count` equal shares of x, one after the other, the largest
/// magnitude over the largest of `to` (f8 or i8); 1 where all of it is zero.
struct Scales {
  static constexpr std::string_view name = "scales";
  DType to = DType::i8;
  int64_t count = 1;

  static void fields(auto& self, auto&& field) {
    field("to", self.to);
    field("count", self.count);
  }
  bool operator==(const Scales&) const = default;
};
TensorType infer(const Scales& op, Inputs inputs);

template <>
struct OpTraits<Scales> : MixesRows, PrecisionOfFirst, NotInPlace, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static bool pair(Scales& op) { return op.count *= 2, true; }
  static PairedInput paired_input(const Scales&, int) { return PairedInput::rows; }
  static double flops(const Scales&, Inputs inputs, const TensorType&) {
    return elements_of(inputs[0]);
  }
};

}  // namespace drypoint
