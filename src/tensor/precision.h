// What a precision is made of.
#pragma once

#include <optional>

#include "drypoint/precision.h"
#include "tensor/dtype.h"

namespace drypoint {

/// Of products' factors and of what is between operations; `automatic` and eight bits as `usual`
/// says.
DType dtype_of(Precision precision, DType usual = DType::f16);

/// What products are rounded to, if they are.
std::optional<DType> eight_bits_of(Precision precision);

}  // namespace drypoint
