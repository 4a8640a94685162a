// A request with an initial picture, walked step by step.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffusion/conditioning.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/first_latents.h"
#include "diffusion/keeping.h"
#include "diffusion/model/autoencoding.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/noise/random.h"
#include "diffusion/request/sampling.h"

namespace drypoint::testing {

struct PaintingSteps {
  std::vector<std::vector<float>> latents;  // the start, then after every step
  FirstLatents first;
};

/// Of one whose ready edges have the drawn size.
inline PaintingSteps run_painting(Stages& model, const Request& request) {
  model.begin();
  const ImageSize size{request.image.width, request.image.height};
  const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
  std::vector<std::string> notices;
  const Prompts prompts = read_prompts(request, model, notices);
  const DenoiserShape shape = denoiser_shape(model, request, size, table, prompts.shape());
  const auto generator = make_generator({}, *request.seed);
  const InitialPicture initial = initial_picture(request, size);
  const FirstLatents first =
      first_latents(model, request, &initial, vae_tiles(size, 0),
                    [&](std::span<float> noise, bool) { generator->randn(noise); }, {});
  Conditioning conditioning(model, prompts, request, {});
  Executor& denoiser = model.denoiser(shape);
  set_picture_inputs(denoiser, shape, table, request.image, request);
  conditioning.begin(denoiser, shape);
  if (shape.masked) set_kept_rows(denoiser, shape, table, model.prediction(), request);
  set_known(denoiser, shape, 0, first);
  denoiser.run(Rate::picture);
  std::vector<std::vector<float>> draws(table.draws.size(), std::vector<float>(first.noise.size()));
  for (auto& draw : draws) generator->randn(draw);
  DenoiseLoop loop(denoiser, shape, table);
  loop.begin(first.noise, {draws.begin(), draws.end()}, first.known);
  std::vector<std::vector<float>> latents;
  while (!loop.done()) {
    auto& latent = latents.emplace_back(loop.first_slot().begin(), loop.first_slot().end());
    for (float& value : latent) value /= static_cast<float>(table.rows[loop.row()].input_scale);
    loop.run();
  }
  latents.emplace_back(loop.first_slot().begin(), loop.first_slot().end());
  return {std::move(latents), first};
}

/// The share of values that differ by 1 at most.
inline double share_that_agrees(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 0;
  size_t close = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) close += std::abs(a.pixels[i] - b.pixels[i]) <= 1;
  return static_cast<double>(close) / static_cast<double>(a.pixels.size());
}

}  // namespace drypoint::testing
