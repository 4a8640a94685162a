#include "ops/activation.h"

namespace drypoint {

std::string_view name(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::none: return "none";
    case ActivationKind::silu: return "silu";
    case ActivationKind::gelu: return "gelu";
    case ActivationKind::quick_gelu: return "quick_gelu";
    case ActivationKind::relu: return "relu";
  }
  return "unknown";
}

TensorType infer(const Activation& op, Inputs inputs) {
  expect_input(inputs.size() == 1, op.name, "{} inputs, expected 1", inputs.size());
  return inputs[0];
}

}  // namespace drypoint
