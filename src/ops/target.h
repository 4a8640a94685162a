// What a device wants of the compiler.
#pragma once

#include "tensor/dtype.h"

namespace drypoint {

struct Target {
  /// Of products, convolutions, norms and attention; inputs and outputs of a graph stay f32.
  DType precision = DType::f32;
  /// Each operation costs a launch: fewer and larger ones pay, even where they do more at once.
  bool launches_cost = false;
  /// Streams of work beside the main one.
  int aux_streams = 0;
};

}  // namespace drypoint
