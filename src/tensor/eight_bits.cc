#include "tensor/eight_bits.h"

#include <algorithm>
#include <cmath>

namespace drypoint {
namespace {

// e4m3 of the Open Compute Project: 1 sign, 4 exponent (bias 7), 3 fraction bits, no infinity
// (https://www.opencompute.org/documents/ocp-8-bit-floating-point-specification-ofp8-revision-1-0-2023-12-01-pdf-1).
constexpr float largest_f8 = 448, smallest_normal_f8 = 0x1p-6f, subnormal_step_f8 = 0x1p-9f;

uint8_t to_f8(float value) {
  const uint32_t sign = std::bit_cast<uint32_t>(value) >> 24 & 0x80;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<uint8_t>(sign | 0x7f);
  if (magnitude >= largest_f8) return static_cast<uint8_t>(sign | 0x7e);
  if (magnitude < smallest_normal_f8)
    return static_cast<uint8_t>(
        sign | static_cast<uint32_t>(std::nearbyint(magnitude / subnormal_step_f8)));
  // 20 of the fraction's 23 bits are rounded away, and the exponent's bias goes from 127 to 7.
  const uint32_t bits = std::bit_cast<uint32_t>(magnitude);
  const uint32_t rounded = bits + 0x7ffffu + (bits >> 20 & 1);
  return static_cast<uint8_t>(sign | ((rounded >> 20) - (120u << 3)));
}

float from_f8(uint8_t bits) {
  const uint32_t exponent = bits >> 3 & 15, fraction = bits & 7;
  const float sign = bits & 0x80 ? -1.0f : 1.0f;
  if ((bits & 0x7f) == 0x7f) return std::bit_cast<float>(0x7fc00000u);
  if (exponent == 0) return sign * static_cast<float>(fraction) * subnormal_step_f8;
  return sign * std::bit_cast<float>((exponent + 120) << 23 | fraction << 20);
}

}  // namespace

float largest(DType eight_bits) { return eight_bits == DType::f8 ? largest_f8 : 127; }

uint8_t to_eight_bits(float value, DType eight_bits) {
  if (eight_bits == DType::f8) return to_f8(value);
  const float rounded = std::nearbyint(std::clamp(value, -127.0f, 127.0f));
  return static_cast<uint8_t>(static_cast<int8_t>(rounded));
}

float from_eight_bits(uint8_t bits, DType eight_bits) {
  return eight_bits == DType::f8 ? from_f8(bits) : static_cast<float>(static_cast<int8_t>(bits));
}

float scale_of(float largest_magnitude, DType eight_bits) {
  return largest_magnitude > 0 ? largest_magnitude / largest(eight_bits) : 1;
}

float scale_of(std::span<const float> values, DType eight_bits) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::fabs(value));
  return scale_of(most, eight_bits);
}

}  // namespace drypoint
