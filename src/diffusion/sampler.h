// The arithmetic of sampling: float32, in the order in which the reference computes.
#pragma once

#include <span>

#include "diffusion/schedule.h"

namespace drypoint {

/// Classifier-free guidance: out = unconditional + scale * (conditional - unconditional). `out` may
/// be either input. J. Ho and T. Salimans, "Classifier-free diffusion guidance" (2021).
void guide(std::span<const float> unconditional, std::span<const float> conditional, float scale,
           std::span<float> out);

/// What the picture would be if `noise_prediction` (eps) were right:
/// x0 = (x - sqrt(1 - alpha) eps) / sqrt(alpha). For previews; `out` may be an input.
void predict_clean(const DdimStep& step, std::span<const float> x,
                   std::span<const float> noise_prediction, std::span<float> out);

/// Takes `x` one step of DDIM further:
/// x = sqrt(alpha_prev) x0 + sqrt(1 - alpha_prev - sigma^2) eps + sigma noise.
/// `noise` may be empty if sigma is 0. All other spans are of one size.
void ddim_update(const DdimStep& step, std::span<float> x, std::span<const float> noise_prediction,
                 std::span<const float> noise);

}  // namespace drypoint
