// What a convolution or product is called in tuning caches: all that decides which kernel is best.
#pragma once

#include <string>

#include "ops/ops.h"

namespace drypoint {

/// "gemm f16 1x1536 rows 320 columns 320x9 of 32x48 stride 1 residual".
std::string gemm_key(const Conv2d& op, Inputs inputs, const TensorType& output);
std::string gemm_key(const Linear& op, Inputs inputs, const TensorType& output);

}  // namespace drypoint
