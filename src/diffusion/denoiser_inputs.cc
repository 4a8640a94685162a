#include "diffusion/denoiser_inputs.h"

#include <algorithm>
#include <array>
#include <bit>

#include "diffusion/control_strength.h"
#include "diffusion/sampler.h"

namespace drypoint {
namespace {

/// Timesteps are a table in the plan; its length is rounded up so that few lengths occur.
int64_t table_length(size_t steps) {
  int64_t length = 32;
  while (length < static_cast<int64_t>(steps)) length *= 2;
  return length;
}

/// Latents denoised together: as many as divide the samples evenly.
int64_t together(int64_t samples, int64_t most) {
  for (int64_t n = most; n > 1; --n)
    if (samples % n == 0) return n;
  return 1;
}

/// [H, W, C] bytes -> [3, H, W] from 0 to 1; one channel is taken three times.
std::vector<float> hint_values(const Image& edges) {
  const size_t pixels = static_cast<size_t>(edges.width) * edges.height;
  const auto channels = static_cast<size_t>(edges.channels);
  std::vector<float> hint(3 * pixels);
  for (size_t c = 0; c < 3; ++c)
    for (size_t p = 0; p < pixels; ++p)
      hint[c * pixels + p] =
          static_cast<float>(edges.pixels[p * channels + std::min(c, channels - 1)]) / 255.0f;
  return hint;
}

}  // namespace

DenoiserShape denoiser_shape(const Model& model, const Request& request, ImageSize size,
                             size_t steps) {
  const int64_t prompts = request.guidance_scale != 1 ? 2 : 1;
  return {.latents = together(request.samples, model.most_latents_together()),
          .prompts = prompts,
          .contexts = prompts,
          .height = size.height / 8,
          .width = size.width / 8,
          .context_length = kTokenCount,
          .max_steps = table_length(steps),
          .apart = request.guess_mode && prompts == 2,
          .fresh_noise = request.eta > 0};
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape,
                        const std::vector<DdimStep>& steps, std::span<const float> context,
                        const Image& edges, const Request& request) {
  std::vector<float> timesteps(shape.max_steps, 0.0f), coefficients;
  for (size_t i = 0; i < steps.size(); ++i) {
    timesteps[i] = static_cast<float>(steps[i].timestep);
    const auto row = ddim_coefficients(steps[i], static_cast<float>(request.guidance_scale));
    const auto values = std::bit_cast<std::array<float, 6>>(row);
    coefficients.insert(coefficients.end(), values.begin(), values.end());
  }
  coefficients.resize(static_cast<size_t>(shape.max_steps) * 6);
  denoiser.set_input("timesteps", timesteps);
  denoiser.set_input("coefficients", coefficients);
  denoiser.set_input("context", context);
  denoiser.set_input("hint", hint_values(edges));
  denoiser.set_input("control_scales", control_scales(request.strength, request.guess_mode));
}

}  // namespace drypoint
