// A picture times a plane of numbers.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, H, W, C], plane [M, H, W, 1], M divides N -> x times the plane, the same for all channels;
/// row n takes plane n % M.
struct MultiplyPlane {
  static constexpr std::string_view name = "multiply_plane";

  static void fields(auto&, auto&&) {}
  bool operator==(const MultiplyPlane&) const = default;
};
TensorType infer(const MultiplyPlane& op, Inputs inputs);

template <>
struct OpTraits<MultiplyPlane>
    : MixesRows, PrecisionOfFirst, InPlaceOfFirst, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static double flops(const MultiplyPlane&, Inputs, const TensorType& output) {
    return elements_of(output);
  }
};

}  // namespace drypoint
