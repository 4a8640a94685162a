// How a product's kernels want its weight.
#pragma once

#include "backend/cuda/gemm_shape.h"
#include "backend/weight_rows.h"

namespace drypoint::cuda {

/// Bytes between the rows of a weight that is packed as `dtype`: behind a row of eight bits lies
/// its scale, f32, in as many bytes as memory is read by.
int64_t packed_pitch(const GemmShape& shape, DType dtype);

/// weight [groups * columns, channels, taps], each row followed by what is for further inputs, or
/// one group of it -> rows of `depth`, each tap's channels together, as `dtype`; as f8 or i8 each
/// is divided by a scale of its own.
void pack_weight(const GemmShape& shape, DType dtype, const WeightRows& weight, std::byte* packed);

}  // namespace drypoint::cuda
