// What an operation costs at least, whoever computes it.
#pragma once

#include "ops/ops.h"

namespace drypoint {

struct Cost {
  /// Additions and multiplications, each one; of products, convolutions and attention those of the
  /// definition (a Winograd convolution gets by with fewer), of norms and activations a few for
  /// each element, see ops/traits.h.
  double flops = 0;
  /// Bytes that must be read and written if caches start empty: each input once, where an operation
  /// reads only parts of it those parts, and the result. Weights count in the result's precision.
  double bytes = 0;
};

/// `constant[i]`: input i is a weight.
Cost cost_of(const Op& op, Inputs inputs, const std::vector<bool>& constant,
             const TensorType& output);

/// "product": two tensors are multiplied, so that the device's matrix units can be busy; else the
/// memory decides.
bool multiplies(const Op& op);

}  // namespace drypoint
