// What a convolution or product is called in tuning caches: all that decides which kernel is best.
#pragma once

#include <string>

#include "ops/ops.h"

namespace drypoint {

/// "product f16 1x1536 rows 320 columns 320x9 of 32x48 stride 1 residual".
std::string product_key(const Conv2d& op, Inputs inputs, const TensorType& output);
std::string product_key(const Linear& op, Inputs inputs, const TensorType& output);

}  // namespace drypoint
