// Numbers of eight bits, and the scales that they need.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace drypoint {

/// f8 or i8.
constexpr bool is_eight_bits(DType dtype) { return dtype == DType::f8 || dtype == DType::i8; }

/// The largest magnitude: 448 of f8, 127 of i8 (whose -128 is not used, so that ranges are
/// symmetric).
float largest(DType eight_bits);

/// Rounded to nearest, ties to even; what is beyond the largest magnitude becomes that.
uint8_t to_eight_bits(float value, DType eight_bits);
float from_eight_bits(uint8_t bits, DType eight_bits);

/// What the values are divided by so that the largest magnitude among them is `largest`; 1 where
/// all are zero.
float scale_of(std::span<const float> values, DType eight_bits);
float scale_of(float largest_magnitude, DType eight_bits);

}  // namespace drypoint
