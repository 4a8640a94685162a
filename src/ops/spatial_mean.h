// The mean over a picture, at each of its places.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [N, H, W, C] -> the same shape: of each channel its mean over H and W.
struct SpatialMean {
  static constexpr std::string_view name = "spatial_mean";

  static void fields(auto&, auto&&) {}
  bool operator==(const SpatialMean&) const = default;
};
TensorType infer(const SpatialMean& op, Inputs inputs);

template <>
struct OpTraits<SpatialMean>
    : RowsOfFirst, PrecisionOfFirst, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = true;
  static double flops(const SpatialMean&, Inputs, const TensorType& output) {
    return elements_of(output);
  }
};

}  // namespace drypoint
