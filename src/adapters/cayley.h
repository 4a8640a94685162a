// Orthogonal matrices from those that are not: what OFT and BOFT learn.
#pragma once

#include <optional>

#include "tensor/tensor.h"

namespace drypoint {

/// blocks [..., b, b] -> (I + Q) (I - Q)^-1 of each, f32, Q = B - B^T. All of Q together is made no
/// longer than `constraint`, where that is above 0.
Tensor cayley(const Tensor& blocks, double constraint);

/// Rows times factors in between 1 and those of `rescale` by `strength`.
void scale_rows(Tensor& weight, const std::optional<Tensor>& rescale, double strength);

}  // namespace drypoint
