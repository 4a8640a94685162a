#include "diffusion/sampler.h"

#include <cmath>

#include "base/error.h"

namespace drypoint {

void guide(std::span<const float> unconditional, std::span<const float> conditional, float scale,
           std::span<float> out) {
  DRYPOINT_EXPECT(unconditional.size() == out.size() && conditional.size() == out.size(),
                  "guidance of {} and {} values into {}", unconditional.size(), conditional.size(),
                  out.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = unconditional[i] + scale * (conditional[i] - unconditional[i]);
}

void predict_clean(const DdimStep& step, std::span<const float> x,
                   std::span<const float> noise_prediction, std::span<float> out) {
  DRYPOINT_EXPECT(x.size() == out.size() && noise_prediction.size() == out.size(),
                  "prediction from {} and {} values into {}", x.size(), noise_prediction.size(),
                  out.size());
  const float signal = std::sqrt(step.alpha), noise = std::sqrt(1.0f - step.alpha);
  for (size_t i = 0; i < out.size(); ++i) out[i] = (x[i] - noise * noise_prediction[i]) / signal;
}

void ddim_update(const DdimStep& step, std::span<float> x, std::span<const float> noise_prediction,
                 std::span<const float> noise) {
  DRYPOINT_EXPECT(noise_prediction.size() == x.size() &&
                      (noise.size() == x.size() || (noise.empty() && step.sigma == 0)),
                  "a step of {} values with {} and {}", x.size(), noise_prediction.size(),
                  noise.size());
  const float to_signal = std::sqrt(step.alpha_prev);
  const float to_noise = std::sqrt(1.0f - step.alpha_prev - step.sigma * step.sigma);
  predict_clean(step, x, noise_prediction, x);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = to_signal * x[i] + to_noise * noise_prediction[i];
    if (step.sigma != 0) x[i] += step.sigma * noise[i];
  }
}

}  // namespace drypoint
