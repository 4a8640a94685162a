// Directions of surfaces, and how sure they are.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [..., 4], of each a direction n and a number k -> n / (|n| + 1e-10), elu(k) + 1.01, as
/// `norm_normalize` of https://github.com/baegwangbin/surface_normal_uncertainty.
struct SurfaceNormals {
  static constexpr std::string_view name = "surface_normals";

  static void fields(auto&, auto&&) {}
  bool operator==(const SurfaceNormals&) const = default;
};
TensorType infer(const SurfaceNormals& op, Inputs inputs);

template <>
struct OpTraits<SurfaceNormals>
    : RowsOfFirst, PrecisionOfFirst, InPlaceOfFirst, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const SurfaceNormals&, Inputs, const TensorType& output) {
    return 3 * elements_of(output);
  }
};

}  // namespace drypoint
