// Element-wise activations, on their own or as the end of another operation.
#pragma once

#include "ops/fields.h"

namespace drypoint {

enum class ActivationKind : uint8_t {
  none,
  silu,        ///< x / (1 + exp(-x))
  gelu,        ///< x * Phi(x), with the exact error function
  quick_gelu,  ///< x / (1 + exp(-1.702 x)), the text encoder's
  relu,        ///< max(x, 0)
};
std::string_view name(ActivationKind kind);

/// x -> activation(x), any shape.
struct Activation {
  static constexpr std::string_view name = "activation";
  ActivationKind kind = ActivationKind::silu;

  static void fields(auto& self, auto&& field) { field("kind", self.kind); }
  bool operator==(const Activation&) const = default;
};
TensorType infer(const Activation& op, Inputs inputs);

}  // namespace drypoint
