#include "diffusion/denoiser_shape.h"

#include "diffusion/model.h"

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

}  // namespace

DenoiserShape denoiser_shape(const Model& model, ImageSize size, const Request& request,
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

}  // namespace drypoint
