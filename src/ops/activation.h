// Element-wise activations, on their own or as the end of another operation.
#pragma once

#include <cmath>
#include <numbers>
#include <optional>

#include "ops/fields.h"

namespace drypoint {

enum class ActivationKind : uint8_t {
  none,
  silu,
  gelu,        ///< x * Phi(x), with the exact error function
  quick_gelu,  ///< the text encoder's
  relu,
};

/// All there are: what names them, what they cost and, for the reference, what they are.
struct ActivationTraits {
  ActivationKind kind;
  std::string_view name;
  double flops;  ///< for each element
  double (*of)(double x);
};
inline constexpr ActivationTraits activations[] = {
    {ActivationKind::none, "none", 0, [](double x) { return x; }},
    {ActivationKind::silu, "silu", 4, [](double x) { return x / (1 + std::exp(-x)); }},
    {ActivationKind::gelu, "gelu", 6,
     [](double x) { return x * 0.5 * (1 + std::erf(x / std::numbers::sqrt2)); }},
    {ActivationKind::quick_gelu, "quick_gelu", 5,
     [](double x) { return x / (1 + std::exp(-1.702 * x)); }},
    {ActivationKind::relu, "relu", 1, [](double x) { return x > 0 ? x : 0; }},
};

constexpr std::string_view name(ActivationKind kind) {
  return activations[static_cast<size_t>(kind)].name;
}
constexpr double flops_of(ActivationKind kind) {
  return activations[static_cast<size_t>(kind)].flops;
}
/// The activation of one value.
inline double activated(ActivationKind kind, double x) {
  return activations[static_cast<size_t>(kind)].of(x);
}
std::optional<ActivationKind> activation_named(std::string_view name);

/// x -> activation(x), any shape.
struct Activation {
  static constexpr std::string_view name = "activation";
  ActivationKind kind = ActivationKind::silu;

  static void fields(auto& self, auto&& field) { field("kind", self.kind); }
  bool operator==(const Activation&) const = default;
};
TensorType infer(const Activation& op, Inputs inputs);

template <>
struct OpTraits<Activation>
    : RowsOfFirst, PrecisionOfFirst, InPlaceOfFirst, PairedAsItIs, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static double flops(const Activation& op, Inputs, const TensorType& output) {
    return elements_of(output) * flops_of(op.kind);
  }
};

}  // namespace drypoint
