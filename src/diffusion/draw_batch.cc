#include "diffusion/draw_batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"
#include "diffusion/budget.h"
#include "diffusion/denoising.h"
#include "diffusion/hires.h"
#include "diffusion/model/autoencoding.h"
#include "diffusion/parameters_of.h"
#include "diffusion/request/compat.h"
#include "diffusion/soft_overlay.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

/// Room for the pictures, taken before the rest of the memory is estimated.
std::vector<Image> blank_images(int samples, ImageSize size) {
  const size_t bytes = 3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
  expect_host_memory(static_cast<size_t>(samples) * bytes, "the pictures themselves");
  std::vector<Image> images;
  for (int i = 0; i < samples; ++i)
    images.push_back({size.width, size.height, 3, std::vector<uint8_t>(bytes)});
  return images;
}

void report(Batch batch, Stage stage, int done, int of, double timestep = 0) {
  for (const Generation* drawing : batch) drawing->report(stage, done, of, timestep);
}
void finish(Batch batch, Stage stage) {
  for (Generation* drawing : batch) drawing->finish(stage);
}

/// Their second passes, if they have any.
std::vector<Generation*> second_passes(Batch batch) {
  std::vector<Generation*> all;
  for (Generation* drawing : batch)
    if (drawing->second) all.push_back(drawing->second.get());
  return all;
}

/// A batch goes on as long as one of it does.
StopRequested stop_of(Batch batch) {
  if (batch.size() == 1) return batch[0]->callbacks.stop;
  return [batch] {
    bool all = true;
    for (const Generation* drawing : batch) all &= drawing->is_given_up();  // each is asked
    return all;
  };
}

/// Of several, those that are given up are passed over.
template <class Body>
void for_each(Batch batch, const Body& body) {
  for (Generation* drawing : batch)
    if (batch.size() == 1 || !drawing->is_given_up()) body(*drawing);
}

/// What was drawn of a sample, put where it belongs; `latent` is what it was decoded of.
Image pasted(const Generation& drawing, size_t sample, std::span<const float> latent,
             const Image& drawn) {
  const InitialPicture::Paste& paste = *drawing.initial->paste;
  if (!drawing.request.soft_inpainting) return pasted(paste, drawn);
  const std::span<const float> mask = drawing.first.mask, known = drawing.first.known;
  const size_t places = mask.size() / static_cast<size_t>(drawing.request.samples);
  return pasted(
      with_overlay(paste, soft_overlay(drawing.request, mask.first(places),
                                       known.subspan(sample * latent.size(), latent.size()), latent,
                                       drawing.size)),
      drawn);
}

/// One batch on a model's stages.
class BatchRun {
 public:
  explicit BatchRun(Stages& model) : model_(model) {}
  void draw(Batch batch);

 private:
  void encode_prompts(Batch batch, const StopRequested& stop);
  void encode_initial(Batch batch, const StopRequested& stop);
  void enlarge(const Generation& drawing, std::span<const float> latents,
               const StopRequested& stop);
  Image decoded(const Generation& drawing, std::span<const float> latent,
                const StopRequested& stop) const;
  void begin_part(const StopRequested& stop);
  void make_ready(Batch batch, std::span<const DenoiserShape> shapes, const StopRequested& stop);
  std::vector<float> denoised(Batch batch, std::span<const DenoiserShape> shapes, int done, int of,
                              const StopRequested& stop);
  std::vector<float> draw_second(Batch batch, Batch seconds, std::span<const DenoiserShape> shapes,
                                 std::span<const float> latents, int done, int of,
                                 const StopRequested& stop);
  void decode_all(Batch batch, std::span<const float> latents, const StopRequested& stop);

  Stages& model_;
};

std::vector<float> BatchRun::denoised(Batch batch, std::span<const DenoiserShape> shapes, int done,
                                      int of, const StopRequested& stop) {
  return denoise(
      model_, batch, shapes,
      [&](int steps, double timestep) {
        report(batch, Stage::denoise, done + steps, of, timestep);
      },
      stop);
}

Image BatchRun::decoded(const Generation& drawing, std::span<const float> latent,
                        const StopRequested& stop) const {
  return decode_image(model_, latent, drawing.size, drawing.vae_tile, stop,
                      rounds_pixels(drawing.request.compat));
}

void BatchRun::decode_all(Batch batch, std::span<const float> latents, const StopRequested& stop) {
  for (Generation* drawing : batch) {
    const Generation& last = drawing->second ? *drawing->second : *drawing;
    const auto samples = static_cast<size_t>(drawing->request.samples);
    const auto own = latents.first(last.first.noise.size());
    const size_t one = own.size() / samples;
    latents = latents.subspan(own.size());
    if (batch.size() > 1 && drawing->is_given_up()) continue;
    drawing->report(Stage::decode, 0, drawing->request.samples);
    for (size_t i = 0; i < samples; ++i) {
      const auto latent = own.subspan(i * one, one);
      Image image = decoded(last, latent, stop);
      if (drawing->initial && drawing->initial->paste) image = pasted(*drawing, i, latent, image);
      drawing->result.images[i] = std::move(image);
      drawing->report(Stage::decode, static_cast<int>(i) + 1, drawing->request.samples);
    }
  }
}

/// All that needs memory, as far as it is there all the time.
void BatchRun::make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                          const StopRequested& stop) {
  const ImageSize size = batch[0]->size;
  int samples = 0;
  for (const Generation* drawing : batch) samples += drawing->request.samples;
  try {
    for (Generation* drawing : batch)
      drawing->result.images = blank_images(drawing->request.samples, size);
    if (parts_take_turns(model_)) {
      const std::string plan = fit_into_limit(model_, batch, shapes);
      for (Generation* drawing : batch) drawing->tell(plan);
      return;
    }
    for (const DenoiserShape& shape : shapes) model_.denoiser(shape, stop);
    for (const Generation* drawing : batch)
      model_.text_encoder(drawing->prompts.encoder(drawing->request), stop);
    const ImageSize tile = vae_tiles(size, batch[0]->vae_tile).size();
    if (needs_encoder(batch[0]->request, model_.config().unet))
      model_.vae_encoder(tile.height, tile.width, stop);
    model_.vae_decoder(tile.height, tile.width, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) throw;
    fail(error.kind(), "{}x{} pixels, {} sample{}: {}", size.height, size.width, samples,
         samples > 1 ? "s" : "", error.what());
  }
}

/// What ran before may make room for what comes.
void BatchRun::begin_part(const StopRequested& stop) {
  if (parts_take_turns(model_)) model_.begin(stop);
}

void BatchRun::encode_prompts(Batch batch, const StopRequested& stop) {
  for_each(batch, [&](Generation& drawing) {
    drawing.report(Stage::text, 0, 1);
    drawing.conditioning.emplace(model_, drawing.prompts, drawing.request, stop);
  });
}

/// Also of those given up meanwhile, so that each has its place.
void BatchRun::encode_initial(Batch batch, const StopRequested& stop) {
  for (Generation* drawing : batch) {
    const int samples = drawing->request.samples;
    const ImageSize size = drawing->size;
    drawing->first = first_latents(
        model_, drawing->request, drawing->initial ? &*drawing->initial : nullptr,
        vae_tiles(size, drawing->vae_tile),
        [&](std::span<float> values, bool shared) {
          if (shared) return drawing->noise.draw_shared(values, samples);
          drawing->noise.begin(
              values, {model_.config().vae.latent_channels, size.height / 8, size.width / 8});
        },
        stop);
    // Of each sample, as all else.
    const std::vector<float> mask = drawing->first.mask;
    for (int i = 1; i < samples; ++i)
      drawing->first.mask.insert(drawing->first.mask.end(), mask.begin(), mask.end());
  }
}

/// What a second pass begins with, of a first one's latents.
void BatchRun::enlarge(const Generation& drawing, std::span<const float> latents,
                       const StopRequested& stop) {
  Generation& second = *drawing.second;
  const ImageSize from = drawing.size, to = second.size;
  const HiresUpscaler upscaler = drawing.request.hires_upscaler;
  if (is_of_latents(upscaler)) {
    second.first.known = enlarged(latents, {from.width / 8, from.height / 8},
                                  {to.width / 8, to.height / 8}, upscaler);
    return;
  }
  second.first.known.clear();
  const size_t one = latents.size() / static_cast<size_t>(drawing.request.samples);
  for (size_t at = 0; at < latents.size(); at += one) {
    Image image = decoded(drawing, latents.subspan(at, one), stop);
    // As the web UI: as often as it takes, three times at most.
    if (upscaler == HiresUpscaler::model)
      for (int i = 0; i < 3 && (image.width < to.width || image.height < to.height); ++i)
        image = model_.model()->upscaler()->run(image, 512, stop);
    const Image large = pillow_resize(
        image, to,
        upscaler == HiresUpscaler::nearest ? PillowFilter::nearest : PillowFilter::lanczos);
    const auto latent = mean_latent(model_, large, second.vae_tile, stop);
    second.first.known.insert(second.first.known.end(), latent.begin(), latent.end());
  }
}

/// The second passes of a batch over its latents. -> theirs
std::vector<float> BatchRun::draw_second(Batch batch, Batch seconds,
                                         std::span<const DenoiserShape> shapes,
                                         std::span<const float> latents, int done, int of,
                                         const StopRequested& stop) {
  begin_part(stop);
  encode_prompts(seconds, stop);
  begin_part(stop);
  encode_initial(seconds, stop);
  for (const Generation* drawing : batch) {
    const auto own = latents.first(drawing->first.noise.size());
    latents = latents.subspan(own.size());
    enlarge(*drawing, own, stop);
  }
  begin_part(stop);
  return denoised(seconds, shapes, done, of, stop);
}

void BatchRun::draw(Batch batch) {
  model_.model()->hash().begin();  // for the texts of the pictures
  const std::vector<DenoiserShape> shapes = denoiser_shapes(model_, batch);
  const StopRequested stop = stop_of(batch);
  const auto use = model_.use(stop, batch[0]->adapters);
  model_.begin(stop);
  make_ready(batch, shapes, stop);
  const std::vector<Generation*> seconds = second_passes(batch);
  std::vector<DenoiserShape> second_shapes;
  if (!seconds.empty()) {
    second_shapes = denoiser_shapes(model_, seconds);
    make_ready(seconds, second_shapes, stop);
  }
  for (Generation* drawing : batch) {
    auto& notices = drawing->result.notices;
    std::ranges::copy(model_.notices(), std::back_inserter(notices));
    std::ranges::copy(model_.backend().notices(), std::back_inserter(notices));
  }
  finish(batch, Stage::prepare);

  encode_prompts(batch, stop);
  finish(batch, Stage::text);

  begin_part(stop);
  encode_initial(batch, stop);
  if (needs_encoder(batch[0]->request, model_.config().unet)) finish(batch, Stage::encode);

  const int first_steps = evaluations(batch, shapes[0]);
  const int steps = first_steps + (seconds.empty() ? 0 : evaluations(seconds, second_shapes[0]));
  begin_part(stop);
  report(batch, Stage::denoise, 0, steps);
  auto latents = denoised(batch, shapes, 0, steps, stop);
  if (!seconds.empty())
    latents = draw_second(batch, seconds, second_shapes, latents, first_steps, steps, stop);
  finish(batch, Stage::denoise);

  begin_part(stop);
  decode_all(batch, latents, stop);
  for (Generation* drawing : batch) {
    Request drawn = drawing->request;
    drawn.vae_tile = drawing->vae_tile;
    for (int i = 0; i < drawing->request.samples; ++i)
      drawing->result.parameters.push_back(format_parameters(
          parameters_of(drawn, drawing->units, model_.description(), drawing->size,
                        drawing->result.seed, i, model_.model()->hash().get())));
    if (!drawing->second) continue;
    drawing->result.edges = std::move(drawing->second->result.edges);
    drawing->result.hints = std::move(drawing->second->result.hints);
  }
  model_.check_files();
  finish(batch, Stage::decode);
}

}  // namespace

void draw(Stages& model, Batch batch) { BatchRun(model).draw(batch); }

}  // namespace drypoint
