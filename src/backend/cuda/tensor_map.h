// Descriptions of matrices and pictures for Hopper's copy engine: what it copies at a time goes to
// shared memory as rows of 64 elements of two bytes in the 128-byte swizzle, zeros where there is
// nothing.
#pragma once

#include <cuda.h>

#include "backend/cuda/context.h"
#include "backend/cuda/product_shape.h"

namespace drypoint::cuda {

/// Boxes of 64 elements of `box_rows` rows of a matrix. `dtype` is f16 or bf16.
CUtensorMap map_of_matrix(DType dtype, const void* data, int64_t rows, int64_t width, int box_rows);

/// 64 channels of `box_rows` neighbouring windows of pictures. The windows' corners walk through
/// the picture from (-left, -top), as far as a window still fits into the padded picture.
CUtensorMap map_of_windows(DType dtype, const void* data, const ProductShape& shape, int box_rows);

}  // namespace drypoint::cuda
