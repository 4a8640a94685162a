// Channels as far as gates let them through.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, H, W, C], gate [N, 1, 1, C] -> x * sigmoid(gate), the same for all places of a picture.
struct SigmoidGate {
  static constexpr std::string_view name = "sigmoid_gate";

  static void fields(auto&, auto&&) {}
  bool operator==(const SigmoidGate&) const = default;
};
TensorType infer(const SigmoidGate& op, Inputs inputs);

template <>
struct OpTraits<SigmoidGate> : InPlaceOfFirst, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static std::vector<int> rows(const SigmoidGate&, Inputs) { return {0, 1}; }
  static std::vector<int> of_own_precision(const SigmoidGate&, size_t) { return {0, 1}; }
  static double flops(const SigmoidGate&, Inputs inputs, const TensorType& output) {
    return elements_of(output) + 3 * elements_of(inputs[1]);
  }
};

}  // namespace drypoint
