// Guidance whose result deviates no more than the prompt's own prediction.
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// output [2 * N, h, w, C], predictions of N latents for the negative prompt, then for the prompt;
/// guidance_scale f32 [N]; rescale f32 [N], 0 to 1
/// -> f32 [N, h, w, C]: g * (rescale * deviation(prompt's) / deviation(g) + 1 - rescale), g being
/// the guided prediction and deviations those of all of a latent's values. S. Lin and others,
/// "Common diffusion noise schedules and sample steps are flawed" (2023), section 3.4; diffusers'
/// `rescale_noise_cfg`.
struct RescaleGuidance {
  static constexpr std::string_view name = "rescale_guidance";

  static void fields(auto&, auto&&) {}
  bool operator==(const RescaleGuidance&) const = default;
};
TensorType infer(const RescaleGuidance& op, Inputs inputs);

template <>
struct OpTraits<RescaleGuidance>
    : MixesRows, AnyPrecision, NotInPlace, NotPaired, PlainForm, ReadsAllOnce {
  static constexpr Category category = Category::elementwise;
  static constexpr bool exported = false;
  static double flops(const RescaleGuidance&, Inputs, const TensorType& output) {
    return 12 * elements_of(output);
  }
};

/// What a guided prediction is multiplied by, of the deviations.
constexpr float guidance_factor(float rescale, float of_prompt, float of_guided) {
  return rescale * of_prompt / of_guided + (1 - rescale);
}

}  // namespace drypoint
