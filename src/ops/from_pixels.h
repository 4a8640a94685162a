// Bytes of pictures as numbers.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// u8 [..., C + 1], of which the last channel is a mask -> f32 [..., C]: the others from 0 to 1, or
/// -1 where the mask is 128 or more.
struct FromPixels {
  static constexpr std::string_view name = "from_pixels";

  static void fields(auto&, auto&&) {}
  bool operator==(const FromPixels&) const = default;
};
TensorType infer(const FromPixels& op, Inputs inputs);

template <>
struct OpTraits<FromPixels>
    : RowsOfFirst, AnyPrecision, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const FromPixels&, Inputs, const TensorType& output) {
    return elements_of(output);
  }
};

constexpr float from_pixel(uint8_t value, uint8_t mask) {
  return mask >= 128 ? -1.0f : static_cast<float>(value) / 255.0f;
}

}  // namespace drypoint
