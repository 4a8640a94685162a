// Descriptions of matrices and pictures for Hopper's copy engine: what it copies at a time goes to
// shared memory as rows of 128 bytes in the 128-byte swizzle, zeros where there is nothing.
// Elements have one byte (f8, i8) or two (f16, bf16).
#pragma once

#include <cuda.h>

#include "backend/cuda/context.h"
#include "backend/cuda/gemm_shape.h"

namespace drypoint::cuda {

/// Boxes of 128 bytes of `box_rows` rows of a matrix, whose rows lie `pitch` bytes apart.
CUtensorMap map_of_matrix(DType dtype, const void* data, int64_t rows, int64_t width, int64_t pitch,
                          int box_rows);

/// 128 bytes of channels of `box_rows` neighbouring windows of pictures. The windows' corners walk
/// through the picture from (-left, -top), as far as a window still fits into the padded picture.
CUtensorMap map_of_windows(DType dtype, const void* data, const GemmShape& shape, int box_rows);

}  // namespace drypoint::cuda
