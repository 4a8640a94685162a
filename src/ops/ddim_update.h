// Guidance and one step of DDIM (https://arxiv.org/abs/2010.02502, formula 12).
#pragma once

#include "ops/fields.h"

namespace drypoint {

/// latent f32 [N, C, h, w]; noise_prediction [G * N, h, w, C], channels last as the UNet gives it,
/// G = 1 or, with guidance, 2 (the negative prompt's first); coefficients f32 [S, 6], a row a step,
/// see `DdimCoefficients`; step i32 [1]; noise f32 [N, C, h, w] if `noise`
/// -> latent f32 [N, C, h, w] one step further.
struct DdimUpdate {
  static constexpr std::string_view name = "ddim_update";
  bool noise = false;

  static void fields(auto& self, auto&& field) { field("noise", self.noise); }
  bool operator==(const DdimUpdate&) const = default;
};
TensorType infer(const DdimUpdate& op, Inputs inputs);

/// A row of `coefficients`.
struct DdimCoefficients {
  float signal, noise;        ///< sqrt(alpha), sqrt(1 - alpha)
  float to_signal, to_noise;  ///< sqrt(alpha_prev), sqrt(1 - alpha_prev - sigma^2)
  float sigma;
  float guidance_scale;

  /// Classifier-free guidance (https://arxiv.org/abs/2207.12598).
  constexpr float guide(float negative, float positive) const {
    return negative + guidance_scale * (positive - negative);
  }
  /// float32 in the order in which the reference computes; `fresh` is read where sigma is not 0.
  constexpr float update(float x, float eps, float fresh) const {
    const float clean = (x - noise * eps) / signal;
    const float next = to_signal * clean + to_noise * eps;
    return sigma != 0 ? next + sigma * fresh : next;
  }
};

}  // namespace drypoint
