// Products with a weight, at the bottom of Linear and of direct convolution:
//   y [rows, columns] = activation(a [rows, depth] weight^T + bias + residual).
// Each sum runs over the depth in the same order wherever its row and column lie and however the
// work is cut, so that a row's result depends on that row and the weight alone.
#pragma once

#include "backend/cpu/kernels.h"
#include "backend/cpu/pack_columns.h"

namespace drypoint::cpu {

/// Some rows of A between two depths, with the distance between them in floats.
struct GemmRows {
  const float* values;
  int64_t stride;
};

struct GemmSizes {
  int64_t rows, columns, depth;
  int64_t taps = 1;      // see `Columns`
  bool constant = true;  // the weight is known before: it is packed once
  OperandPositions at;
  ActivationKind activation = ActivationKind::none;
  std::string description;  // of the kernel
};

/// Gives rows [row, row + rows) of A, `depth` values of each from `k` on. They may be where x is,
/// or be written to `buffer`, which has room for them.
using ReadRows = std::function<GemmRows(const float* x, int64_t row, int64_t rows, int64_t k,
                                        int64_t depth, float* buffer)>;

KernelPtr make_gemm(const GemmSizes& sizes, const Context& context, ReadRows read);

}  // namespace drypoint::cpu
