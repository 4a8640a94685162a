// Products with a weight, at the bottom of Linear and of direct convolution:
//   y [rows, columns] = activation(a [rows, depth] weight^T + bias + residual),
// where a and the weight are i8, their product times both scales first.
// Each sum runs over the depth in the same order wherever its row and column lie and however the
// work is cut, so that a row's result depends on that row and the weight alone.
//
// Factors are f32, bf16 or i8. What x holds (f32, or i8 with 128 added to make it unsigned) is made
// factors once, as a whole, so that rows are gathered by copying.
#pragma once

#include "backend/cpu/kernels.h"
#include "backend/cpu/panels.h"

namespace drypoint::cpu {

/// Some rows of A between two depths, with the distance between them in bytes.
struct GemmRows {
  const std::byte* values;
  int64_t stride;
};

struct GemmSizes {
  int64_t rows, columns, depth;
  int64_t x_elements;
  int64_t taps = 1;      // see `Columns`
  bool constant = true;  // the weight is known before: it is packed once
  DType factors = DType::f32;
  OperandPositions at;
  int64_t input_scales = 0;  // of i8: as many
  ActivationKind activation = ActivationKind::none;
  std::string description = {};  // of the kernel
};

/// What follows the sums [rows, width] of a panel's `columns`.
struct PanelEnding {
  const std::byte* sums;
  int64_t rows, columns;
  // Of i8 factors: see `Panels`; the input's scales are each for `share` rows, the first of these
  // being `row`.
  const int32_t* offsets = nullptr;
  const float *weight_scales = nullptr, *input_scales = nullptr;
  int64_t row = 0, share = 1;
  const float *bias = nullptr, *residual = nullptr;
  ActivationKind activation;
  float* y;
  int64_t stride;  // of rows of y and of the residual
};

/// Gives rows [row, row + rows) of A, of each `bytes` from byte `begin` on; those after the depth's
/// end are zero. They may be where x's factors are, or be written to `buffer`, which has room for
/// them.
using ReadRows = std::function<GemmRows(const std::byte* x, int64_t row, int64_t rows,
                                        int64_t begin, int64_t bytes, std::byte* buffer)>;

KernelPtr make_gemm(const GemmSizes& sizes, const Context& context, ReadRows read);

/// What x and the weight are multiplied as: i8 as that; f32 as the context says, where the weight
/// is known, else as it is. Throws unsupported.
DType factors_of(const KernelRequest& request, const Context& context);

}  // namespace drypoint::cpu
