#include "diffusion/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "diffusion/model/autoencoding.h"

namespace drypoint {
namespace {

/// What the VAE takes for tiles of this side; 0: the whole.
size_t vae_needs(Stages& model, const Generation& drawing, int side) {
  const ImageSize tile = vae_tiles(drawing.size, side).size();
  const auto sum = [](Executor::Needs needs) { return needs.own + needs.weights; };
  const size_t decoder = sum(model.needs(VaeDecoderShape{tile.height, tile.width}));
  if (!needs_encoder(drawing.request, model.config().unet) || !model.config().vae.has_encoder)
    return decoder;
  return std::max(decoder, sum(model.needs(VaeEncoderShape{tile.height, tile.width})));
}

/// The sets of controls share their weights, but not their memory for activations.
size_t denoiser_needs(Stages& model, std::span<const DenoiserShape> shapes) {
  size_t own = 0, weights = 0;
  for (const DenoiserShape& shape : shapes) {
    const Executor::Needs needs = model.needs(shape);
    own += needs.own;
    weights = std::max(weights, needs.weights);
  }
  return own + weights;
}

}  // namespace

bool parts_take_turns(const Stages& model) { return model.store().budget().is_limited(); }

std::string fit_into_limit(Stages& model, Batch batch, std::span<const DenoiserShape> shapes) {
  const size_t limit = model.store().budget().limit();
  const auto expect_fit = [&](std::string_view part, size_t needed, std::string_view advice) {
    if (needed > limit)
      fail(ErrorKind::out_of_memory, "max_memory: {} MiB, but the {} takes {} MiB{}", limit >> 20,
           part, (needed >> 20) + 1, advice);
  };
  Generation& first = *batch[0];
  const TextEncoderShape prompts = first.prompts.encoder(first.request);
  const Executor::Needs text = model.needs(prompts);
  expect_fit("text encoder", text.own + text.weights, "");
  const size_t denoiser = denoiser_needs(model, shapes);
  expect_fit("denoiser", denoiser,
             first.tiles().size().width > 32 || first.tiles().size().height > 32
                 ? "; with smaller windows (tile) it takes less"
                 : "");
  int side = first.request.vae_tile;
  size_t vae = vae_needs(model, first, side);
  constexpr int smaller[] = {4096, 2048, 1024, 768, 512, 384, 256};
  const int largest = std::max(first.size.width, first.size.height);
  for (const int tile : smaller)
    if (vae > limit && tile < (side == 0 ? largest : side))
      vae = vae_needs(model, first, side = tile);
  expect_fit("VAE", vae, "");
  for (Generation* drawing : batch) drawing->vae_tile = side;
  const auto mib = [](size_t bytes) { return (bytes >> 20) + 1; };
  return fmt::format(
      "max_memory: {} MiB, in which the parts of {}x{} pixels take turns: text encoder {}, "
      "denoiser {}, VAE {} MiB{}",
      limit >> 20, first.size.height, first.size.width, mib(text.own + text.weights), mib(denoiser),
      mib(vae),
      side == first.request.vae_tile ? "" : fmt::format(" (in tiles of {} pixels)", side));
}

}  // namespace drypoint
