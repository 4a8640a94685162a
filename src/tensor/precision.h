// What a precision is made of.
#pragma once

#include "drypoint/precision.h"
#include "tensor/dtype.h"

namespace drypoint {

/// Of products' factors and of what is between operations; `automatic` as `usual` says.
DType dtype_of(Precision precision, DType usual = DType::f16);

}  // namespace drypoint
