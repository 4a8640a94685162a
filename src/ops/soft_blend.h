// What a soft mask keeps of a latent that is known.
#pragma once

#include <algorithm>

#include "ops/fields.h"

namespace drypoint {

/// output [G * N, h, w, C], channels last as the UNet gives it, G = 1 or, if `guided`, 2 (the
/// negative prompt's first); slots f32 [K * N, C, h, w], of which the model saw the first N; mask
/// f32 [N, 1, h, w]: 1 takes what is drawn, 0 what is known; known f32 [N, C, h, w]; rows f32
/// [S, 6], a row a step (see `SoftRow`); step i32 [1]; if `guided` guidance_scale f32 [N]
/// -> f32 [N, h, w, C]: the guided output with which the model would say, of each pixel, not its
/// clean vector b but a mixture with the known one, a: with t = mask ^ exponent
/// (1 - t) a + t b, of length ((1 - t) |a|^p + t |b|^p)^(1/p), p being the row's contrast.
/// The web UI's "soft inpainting" (extensions-builtin/soft-inpainting, `latent_blend`).
struct SoftBlend {
  static constexpr std::string_view name = "soft_blend";
  bool guided = false;

  static void fields(auto& self, auto&& field) { field("guided", self.guided); }
  bool operator==(const SoftBlend&) const = default;
};
TensorType infer(const SoftBlend& op, Inputs inputs);

template <>
struct OpTraits<SoftBlend> : MixesRows, AnyPrecision, NotInPlace, NotPaired, PlainForm {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const SoftBlend& op, Inputs, const TensorType& output) {
    return (op.guided ? 18 : 15) * elements_of(output);
  }
  static double elements_read(const SoftBlend&, size_t i, Inputs inputs, const TensorType&) {
    if (i == 4) return elements_of_row(inputs[i]);
    return elements_of(inputs[i == 1 ? 3 : i]);
  }
};

/// A row of its table.
struct SoftRow {
  float exponent;                         // of the mask
  float contrast;                         // of the lengths' mean, from 1
  float clean_of_seen, clean_of_output;   // shares of both in the clean latent
  float output_of_clean, output_of_seen;  // and back

  static constexpr int64_t size = 6;
  static constexpr SoftRow at(const float* row) {
    return {row[0], row[1], row[2], row[3], row[4], row[5]};
  }
};

/// What a mixture of this length becomes times, so that its length lies between those of what it
/// was made of. In float64, as shares of a small t and high powers of short vectors lie below
/// float32's range; powers are of shares of the larger one, so that none overflows.
template <class Power>
constexpr float soft_stretch(double known, double drawn, double mixed, double t, double contrast,
                             Power power) {
  const double larger = std::max(known, drawn);
  if (larger == 0) return 1;
  const double mean =
      (1 - t) * power(known / larger, contrast) + t * power(drawn / larger, contrast);
  return static_cast<float>(larger * power(mean, 1 / contrast) / (mixed + 1e-5));
}

}  // namespace drypoint
