// Guidance, and a row of a sampler's table.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// slots f32 [K * N, C, h, w], all latents' first, then all latents' second ...; output [G * N, h,
/// w, C], channels last as the UNet gives it, G = 1 or, if `guided`, 2 (the negative prompt's
/// first); rows f32 [S, K * (K + 2)], a row a step: for each new slot the shares of the K slots, of
/// the output and of the noise; step i32 [1]; if `guided` guidance_scale f32 [N]; if `noise` noise
/// f32 [R * N, C, h, w], of which step s takes part s % R
/// -> slots one step further.
struct SamplerUpdate {
  static constexpr std::string_view name = "sampler_update";
  bool guided = false, noise = false;

  static void fields(auto& self, auto&& field) {
    field("guided", self.guided);
    field("noise", self.noise);
  }
  int noise_input() const { return guided ? 5 : 4; }
  int64_t latents(Inputs inputs) const { return inputs[1].shape[0] / (guided ? 2 : 1); }
  bool operator==(const SamplerUpdate&) const = default;
};
TensorType infer(const SamplerUpdate& op, Inputs inputs);

template <>
struct OpTraits<SamplerUpdate> : MixesRows, AnyPrecision, InPlaceOfFirst, NotPaired, PlainForm {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const SamplerUpdate& op, Inputs inputs, const TensorType& output) {
    const int64_t slots = inputs[0].shape[0] / op.latents(inputs);
    return elements_of(output) * (static_cast<double>(2 * (slots + 2)) +
                                  (op.guided ? 3.0 / static_cast<double>(slots) : 0));
  }
  static double elements_read(const SamplerUpdate& op, size_t i, Inputs inputs, const TensorType&) {
    if (i == 2) return elements_of_row(inputs[i]);
    if (op.noise && static_cast<int>(i) == op.noise_input())
      return elements_of_row(inputs[i]) * static_cast<double>(op.latents(inputs));
    return elements_of(inputs[i]);
  }
};

/// How many slots there may be.
constexpr int kMostSlots = 8;

/// Classifier-free guidance (https://arxiv.org/abs/2207.12598).
constexpr float guide(float negative, float positive, float scale) {
  return negative + scale * (positive - negative);
}

/// One number of a new slot; `shares` [slots + 2].
constexpr float new_slot(const float* shares, int slots, const float* old, float output,
                         float fresh) {
  float sum = 0;
  for (int k = 0; k < kMostSlots; ++k)  // of known length: `old` stays in registers
    if (k < slots) sum += shares[k] * old[k];
  return sum + shares[slots] * output + shares[slots + 1] * fresh;
}

}  // namespace drypoint
