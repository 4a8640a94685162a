#include "diffusion/first_latents.h"

#include <algorithm>
#include <cmath>

#include "diffusion/model/autoencoding.h"
#include "diffusion/request/sampling.h"

namespace drypoint {
namespace {

/// A latent for each of the noises [samples, 4, h, w]: mean + deviation * noise, scaled.
std::vector<float> sampled(const std::vector<float>& moments, std::vector<float> noise,
                           float scale) {
  const size_t half = moments.size() / 2;
  for (size_t i = 0; i < noise.size(); ++i) {
    const float log_variance = std::clamp(moments[half + i % half], -30.0f, 20.0f);
    noise[i] = scale * (moments[i % half] + std::exp(0.5f * log_variance) * noise[i]);
  }
  return noise;
}

}  // namespace

bool keeps_known(const Request& request, const UnetConfig& unet) {
  const bool has_mask = !request.mask.pixels.empty() || request.outpaint != Margins();
  return has_mask && !(is_inpainting(unet) && painting_rule(request) == PaintingRule::diffusers);
}

bool needs_encoder(const Request& request, const UnetConfig& unet) {
  return is_inpainting(unet) || !request.init_image.pixels.empty() ||
         (request.hires_scale > 1 && request.hires_upscaler >= HiresUpscaler::lanczos);
}

FirstLatents first_latents(Stages& model, const Request& request, const InitialPicture* initial,
                           const Tiles& tiles, const DrawNoise& draw, const StopRequested& stop) {
  const bool inpaints = is_inpainting(model.config().unet);
  const bool has_mask = initial && !initial->mask.pixels.empty();
  // Without an initial picture nothing is random about the latent of an empty one.
  const bool samples = initial && painting_rule(request) == PaintingRule::diffusers;
  const auto pixels =
      static_cast<size_t>(tiles.whole().width) * static_cast<size_t>(tiles.whole().height);
  const auto count = static_cast<size_t>(request.samples);
  const size_t all = count * pixels * static_cast<size_t>(model.config().vae.latent_channels);
  const auto drawn = [&](bool shared) {
    std::vector<float> values(all);
    draw(values, shared);
    return values;
  };
  const auto encoded = [&](std::span<const float> picture) {
    std::vector<float> noise = samples ? drawn(true) : std::vector<float>(all);
    return sampled(encode(model, picture, tiles, stop), std::move(noise), model.scaling_factor());
  };

  FirstLatents first;
  const WalkPart part = walk_part(request);
  // diffusers encodes what it needs.
  const bool is_unused = samples && inpaints && has_mask && !part.from_latent;
  if (initial && !is_unused) first.known = encoded(as_encoder_input(initial->fill));
  first.noise = drawn(false);
  if (has_mask) {
    first.mask = request.soft_inpainting ? soft_latent_mask(initial->mask)
                                         : latent_mask(initial->mask, painting_rule(request));
    const bool to_noise = request.inpaint_fill == InpaintFill::latent_noise;
    if (to_noise || request.inpaint_fill == InpaintFill::latent_nothing)
      for (size_t i = 0; i < first.known.size(); ++i) {
        const float share = first.mask[i % pixels];
        first.known[i] = (1 - share) * first.known[i] + share * (to_noise ? first.noise[i] : 0);
      }
  }
  if (inpaints) {
    std::vector<float> empty(64 * pixels * 3);
    const auto latents = encoded(
        has_mask ? as_encoder_input(initial->picture, initial->mask, request.soft_inpainting)
                 : std::move(empty));
    const auto mask = has_mask ? inpainting_mask(initial->mask, request.soft_inpainting)
                               : std::vector<float>(pixels, 1.0f);
    for (size_t i = 0; i < count; ++i) {
      const auto own = std::span(latents).subspan(i * all / count, all / count);
      first.masked.insert(first.masked.end(), mask.begin(), mask.end());
      first.masked.insert(first.masked.end(), own.begin(), own.end());
    }
  } else if (has_mask && samples) {
    drawn(true);  // diffusers encodes the masked picture for any UNet
  }
  return first;
}

void set_known(Executor& denoiser, const DenoiserShape& shape, size_t first,
               const FirstLatents& all) {
  const auto set = [&](const char* input, const std::vector<float>& values) {
    const auto size = static_cast<size_t>(denoiser.type_of_input(input).elements());
    const size_t one = size / static_cast<size_t>(shape.latents);
    denoiser.set_input(input, std::span(values).subspan(first * one, size));
  };
  if (shape.masked) {
    set("mask", all.mask);
    set("known", all.known);
    if (!shape.soft) set("known_noise", all.noise);
  }
  if (denoiser.has_input("masked")) set("masked", all.masked);
}

std::vector<float> mean_latent(Stages& model, const Image& picture, int tile,
                               const StopRequested& stop) {
  const auto moments = encode(model, as_encoder_input(picture),
                              vae_tiles({picture.width, picture.height}, tile), stop);
  return sampled(moments, std::vector<float>(moments.size() / 2), model.scaling_factor());
}

}  // namespace drypoint
