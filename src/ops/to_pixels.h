// Numbers as bytes of pictures.
#pragma once

#include <algorithm>

#include "ops/fields.h"

namespace drypoint {

/// x [..., C], mostly from -1 to 1, offset f32 [1] -> u8 [..., C + 1]: 127.5 x + offset within 0
/// and 255, its fraction cut off (an offset of 128 rounds to the nearest); then 255, or 0 where one
/// of the C is NaN or infinite, which becomes 0 itself.
struct ToPixels {
  static constexpr std::string_view name = "to_pixels";

  static void fields(auto&, auto&&) {}
  bool operator==(const ToPixels&) const = default;
};
TensorType infer(const ToPixels& op, Inputs inputs);

template <>
struct OpTraits<ToPixels>
    : RowsOfFirst, PrecisionOfFirst, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const ToPixels&, Inputs, const TensorType& output) {
    return 2 * elements_of(output);
  }
};

/// Of a finite number.
inline uint8_t to_pixel(float value, float offset) {
  return static_cast<uint8_t>(std::clamp(value * 127.5f + offset, 0.0f, 255.0f));
}

}  // namespace drypoint
