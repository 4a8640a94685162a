// What a device can do, as far as the compiler asks.
#pragma once

#include <vector>

#include "ops/forms.h"
#include "tensor/dtype.h"

namespace drypoint {

/// Each backend states its own, once (`cpu_target`, `cuda_target`).
struct Target {
  /// Of products, convolutions, norms and attention; inputs and outputs of a graph stay f32.
  DType precision = DType::f32;
  /// What products and convolutions with weights round f32 to as they read it, their sums being f32
  /// again. No pass asks for it: it is the kernels' business.
  DType factors = DType::f32;
  /// Those that `precision` may be.
  std::vector<DType> dtypes{DType::f32};
  /// Those of which products and convolutions can be (`FusedForms::dequantize`).
  std::vector<DType> eight_bits;
  FusedForms fused;
  /// Kernels take so many neighbouring channels at once: concatenated operands and gates must be
  /// whole vectors.
  int64_t vector_width = 1;
  /// Streams of work beside the main one.
  int aux_streams = 0;
  /// More latents in one batch need memory without running faster.
  int64_t useful_batch = 4;
  /// Kernels are chosen among by measuring, and a tuning cache keeps the choices.
  bool tunes = false;
};

}  // namespace drypoint
