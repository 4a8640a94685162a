// Element types, and conversion of their values to and from float.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace drypoint {

/// `f8` is e4m3, see eight_bits.h.
enum class DType : uint8_t { f32, f16, bf16, f64, i64, i32, i16, i8, u8, boolean, f8 };

size_t size_of(DType dtype);
std::string_view name(DType dtype);  // "f32", "f16", ...
std::optional<DType> dtype_named(std::string_view name);
bool is_float(DType dtype);

/// IEEE half precision and bfloat16 as bits; conversions round to nearest, ties to even.
inline float half_to_float(uint16_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, magnitude = (h & 0x7fffu) << 13;
  // Scaling by 2^112 rebiases the exponent, and is exact for subnormals too. Both results are
  // computed and one is chosen, so that loops over this become vector code.
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = 0x7f800000u | magnitude;  // infinity and NaN
  return std::bit_cast<float>(sign | (magnitude >= 0x7c00u << 13 ? special : finite));
}
uint16_t float_to_half(float value);
inline float bfloat_to_float(uint16_t b) { return std::bit_cast<float>(uint32_t{b} << 16); }
inline uint16_t float_to_bfloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

}  // namespace drypoint
