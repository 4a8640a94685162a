#include "diffusion/denoiser_inputs.h"

#include <algorithm>

#include "diffusion/control_strength.h"
#include "diffusion/denoise_loop.h"
#include "diffusion/first_latents.h"

namespace drypoint {
namespace {

/// Latents denoised together: as many as divide the samples evenly.
int64_t latents_together(int64_t samples, int64_t most) {
  for (int64_t n = most; n > 1; --n)
    if (samples % n == 0) return n;
  return 1;
}

/// [H, W, C] bytes -> [3, H, W] from 0 to 1; one channel is taken three times.
void add_hint(const Image& edges, std::vector<float>& hint) {
  const size_t pixels = static_cast<size_t>(edges.width) * edges.height;
  const auto channels = static_cast<size_t>(edges.channels);
  for (size_t c = 0; c < 3; ++c)
    for (size_t p = 0; p < pixels; ++p)
      hint.push_back(static_cast<float>(edges.pixels[p * channels + std::min(c, channels - 1)]) /
                     255.0f);
}

/// Each picture's [prompts, L, D] -> [prompts * pictures, L, D], the first prompts of all in front.
std::vector<float> joined_contexts(std::span<const PictureInputs> pictures, int64_t prompts) {
  std::vector<float> all;
  const size_t one = pictures[0].context.size() / static_cast<size_t>(prompts);
  for (size_t row = 0; row < static_cast<size_t>(prompts); ++row)
    for (const PictureInputs& picture : pictures) {
      const auto own = std::span(picture.context).subspan(row * one, one);
      all.insert(all.end(), own.begin(), own.end());
    }
  return all;
}

}  // namespace

DenoiserShape denoiser_shape(const Stages& model, const Request& request, ImageSize size,
                             const SamplerTable& table, const PromptShape& of_prompts) {
  const auto& [guided, parts, chunks, negative_chunks] = of_prompts;
  const int64_t prompts = parts + (guided ? 1 : 0);
  DenoiserShape shape{.latents = latents_together(request.samples, model.most_latents_together()),
                      .prompts = prompts,
                      .contexts = prompts,
                      .height = size.height / 8,
                      .width = size.width / 8,
                      .context_length = chunks * kTokenCount,
                      .apart = request.guess_mode && guided,
                      .masked = keeps_known(request, model.config().unet)};
  if (guided && negative_chunks != chunks) shape.negative_length = negative_chunks * kTokenCount;
  fit_shape(shape, table);
  return shape;
}

DenoiserShape denoiser_shape(const Stages& model, const Request& request, ImageSize size,
                             const SamplerTable& table) {
  return denoiser_shape(model, request, size, table, {.guided = request.guidance_scale != 1});
}

DenoiserShape together(DenoiserShape shape, size_t pictures) {
  if (pictures == 1) return shape;
  shape.latents = shape.hints = static_cast<int64_t>(pictures);
  shape.contexts = shape.prompts * shape.latents;
  return shape;
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        const Image& edges, const Request& request) {
  set_table(denoiser, shape, table);
  std::vector<float> hint;
  add_hint(edges, hint);
  denoiser.set_input("hint", hint);
  denoiser.set_input("control_scales", control_scales(request.strength, request.guess_mode));
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const float> context, const Image& edges,
                        const Request& request) {
  set_picture_inputs(denoiser, shape, table, edges, request);
  if (shape.prompts > 1)
    denoiser.set_input("guidance_scale",
                       std::vector<float>(static_cast<size_t>(shape.latents),
                                          static_cast<float>(request.guidance_scale)));
  denoiser.set_input("context", context);
}

void set_picture_inputs(Executor& denoiser, const DenoiserShape& shape, const SamplerTable& table,
                        std::span<const PictureInputs> pictures) {
  set_table(denoiser, shape, table);
  std::vector<float> guidance_scales, hint;
  for (const PictureInputs& picture : pictures) {
    guidance_scales.push_back(static_cast<float>(picture.guidance_scale));
    add_hint(picture.edges, hint);
  }
  if (shape.prompts > 1) denoiser.set_input("guidance_scale", guidance_scales);
  denoiser.set_input("context", joined_contexts(pictures, shape.prompts));
  denoiser.set_input("hint", hint);
  const Request& first = pictures[0].request;
  denoiser.set_input("control_scales", control_scales(first.strength, first.guess_mode));
}

}  // namespace drypoint
