#include "diffusion/sampler.h"

#include <cmath>

namespace drypoint {

DdimCoefficients ddim_coefficients(const DdimStep& step, float guidance_scale) {
  return {.signal = std::sqrt(step.alpha),
          .noise = std::sqrt(1.0f - step.alpha),
          .to_signal = std::sqrt(step.alpha_prev),
          .to_noise = std::sqrt(1.0f - step.alpha_prev - step.sigma * step.sigma),
          .sigma = step.sigma,
          .guidance_scale = guidance_scale};
}

}  // namespace drypoint
