#include "ops/activation.h"

namespace drypoint {
namespace {

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(activations); ++i)
    if (activations[i].kind != static_cast<ActivationKind>(i)) return false;
  return true;
}
static_assert(in_order(), "a row of `activations` for each kind, in the order of the kinds");

}  // namespace

std::optional<ActivationKind> activation_named(std::string_view name) {
  for (const ActivationTraits& one : activations)
    if (one.name == name) return one.kind;
  return std::nullopt;
}

TensorType infer(const Activation& op, Inputs inputs) {
  expect_input(inputs.size() == 1, op.name, "{} inputs, expected 1", inputs.size());
  return inputs[0];
}

}  // namespace drypoint
