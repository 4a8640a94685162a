// What a mask keeps of a latent that is known.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// x [R * N, C, h, w] or, if `channels_last`, [R * N, h, w, C], of N latents, row r of latent r %
/// N; mask f32 [N, 1, h, w]: 1 takes x, 0 what is known; known f32 [N, C, h, w]; other f32 [M * N,
/// C, h, w], of which the first N count; rows f32 [S, 3], a row a step: the shares of known and
/// other in what is known, and whether any is kept, 1 or 0; step i32 [1]
/// -> x + (1 - mask) * kept * (known - x). Channels first, rows from N on stay as they are.
struct Blend {
  static constexpr std::string_view name = "blend";
  bool channels_last = false;

  static void fields(auto& self, auto&& field) { field("channels_last", self.channels_last); }
  bool operator==(const Blend&) const = default;
};
TensorType infer(const Blend& op, Inputs inputs);

template <>
struct OpTraits<Blend> : MixesRows, AnyPrecision, InPlaceOfFirst, NotPaired, PlainForm {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const Blend&, Inputs, const TensorType& output) {
    return 8 * elements_of(output);
  }
  static double elements_read(const Blend&, size_t i, Inputs inputs, const TensorType&) {
    if (i == 4) return elements_of_row(inputs[i]);
    return elements_of(inputs[i == 3 ? 2 : i]);
  }
};

/// `row` [3].
constexpr float blended(float x, float mask, float known, float other, const float* row) {
  const float kept = (1 - mask) * row[2];
  return kept == 0 ? x : (1 - kept) * x + kept * (row[0] * known + row[1] * other);
}

}  // namespace drypoint
