#include "diffusion/draw_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/memory.h"
#include "diffusion/denoise_loop.h"
#include "diffusion/hires.h"
#include "diffusion/keeping.h"
#include "diffusion/parameters_of.h"
#include "diffusion/sampling.h"
#include "image/pillow.h"

namespace drypoint {
namespace {

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

void expect_finite(std::span<const float> values, const std::string& where) {
  if (!all_finite(values))
    fail(ErrorKind::non_finite, "{}: the result holds NaN or infinity", where);
}

void expect_host_memory(size_t needed, std::string_view what) {
  const size_t available = available_host_memory();
  if (needed > available)
    fail(ErrorKind::out_of_memory, "{} MiB needed for {}, {} MiB available", needed >> 20, what,
         available >> 20);
}

void fill_pixels(Image& image, std::span<const float> values) {
  std::transform(values.begin(), values.end(), image.pixels.begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(value * 127.5f + 127.5f, 0.0f, 255.0f));
  });
}

/// Room for the pictures, taken before the rest of the memory is estimated.
std::vector<Image> blank_images(int samples, ImageSize size) {
  const size_t bytes = 3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
  expect_host_memory(static_cast<size_t>(samples) * bytes, "the pictures themselves");
  return std::vector<Image>(samples,
                            Image{size.width, size.height, 3, std::vector<uint8_t>(bytes)});
}

/// Once more, slowly, to say where it went wrong.
[[noreturn]] void find_non_finite_step(DenoiseLoop& loop, std::span<const float> noise,
                                       const std::vector<std::span<const float>>& draws,
                                       std::span<const float> known, const SamplerTable& table) {
  loop.begin(noise, draws, known);
  while (!loop.done()) {
    const SamplerTable::Row& row = table.rows[loop.row()];
    loop.run();
    expect_finite(loop.first_slot(), fmt::format("denoiser at step {} of {} (timestep {})",
                                                 row.step + 1, table.steps, row.timestep));
  }
  fail(ErrorKind::device_failure,
       "denoiser: the result held NaN or infinity, but not when it was computed again");
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

/// A latent's worth from each sample of all drawings, one after the other.
std::vector<float> joined(Batch batch, std::vector<float> FirstLatents::*member) {
  std::vector<float> all;
  for (const Generation* drawing : batch)
    all.insert(all.end(), (drawing->first.*member).begin(), (drawing->first.*member).end());
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

/// One batch on a model's stages.
class BatchRun {
 public:
  explicit BatchRun(Stages& model) : model_(model) {}
  void draw(Batch batch);

 private:
  std::vector<DenoiserShape> shapes_for(Batch batch) const;
  void encode_prompts(Batch batch, const StopRequested& stop);
  void encode_initial(Batch batch, const StopRequested& stop);
  void enlarge(const Generation& drawing, std::span<const float> latents,
               const StopRequested& stop);
  Image decoded(Executor& decoder, std::span<const float> latent, const StopRequested& stop) const;
  Executor& make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                       const StopRequested& stop);
  void set_inputs(Executor& denoiser, Batch batch, const DenoiserShape& shape,
                  const Phase& phase) const;
  int evaluations(Batch batch, const DenoiserShape& shape) const;
  std::vector<float> denoise(Batch batch, std::span<const DenoiserShape> shapes, int done, int of,
                             const StopRequested& stop);
  std::vector<float> draw_second(Batch batch, Batch seconds, std::span<const DenoiserShape> shapes,
                                 std::span<const float> latents, int done, int of,
                                 const StopRequested& stop);
  void decode(Batch batch, std::span<const float> latents, Executor& decoder,
              const StopRequested& stop);

  Stages& model_;
};

void BatchRun::set_inputs(Executor& denoiser, Batch batch, const DenoiserShape& shape,
                          const Phase& phase) const {
  Generation& first = *batch[0];
  set_guidance_embedding(denoiser, first.request.guidance_scale);
  if (batch.size() == 1) {
    set_picture_inputs(denoiser, shape, first.table, first.units_in(phase));
    first.conditioning->begin(denoiser, shape);
    return;
  }
  // The places of those given up meanwhile are filled somehow.
  const auto context_size = static_cast<size_t>(shape.prompts * shape.context_length *
                                                model_.config().unet.context_width);
  std::vector<PictureInputs> inputs;
  for (const Generation* drawing : batch)
    inputs.push_back({.context = drawing->conditioning ? drawing->conditioning->context(shape)
                                                       : std::vector<float>(context_size),
                      .guidance_scale = drawing->prompts.guidance_scale,
                      .guidance_rescale = drawing->request.guidance_rescale,
                      .units = drawing->units_in(phase)});
  set_picture_inputs(denoiser, shape, first.table, inputs);
}

/// For each phase.
std::vector<DenoiserShape> BatchRun::shapes_for(Batch batch) const {
  std::vector<DenoiserShape> shapes = shapes_of(model_, *batch[0]);
  for (DenoiserShape& shape : shapes) shape = together(shape, batch.size());
  return shapes;
}

/// Steps of a batch, of one chunk of latents after the other.
int BatchRun::evaluations(Batch batch, const DenoiserShape& shape) const {
  int samples = 0;
  for (const Generation* drawing : batch) samples += drawing->request.samples;
  return batch[0]->table.steps * samples / static_cast<int>(shape.latents);
}

/// -> [samples of all, 4, h, w]. `done` of `of` steps have been done before.
std::vector<float> BatchRun::denoise(Batch batch, std::span<const DenoiserShape> shapes, int done,
                                     int of, const StopRequested& stop) {
  const SamplerTable& table = batch[0]->table;
  const Phases& phases = batch[0]->phases;
  const DenoiserShape& shape = shapes[0];  // the others differ in controls and guidance alone
  std::vector<Executor*> denoisers;
  for (size_t phase = 0; phase < shapes.size(); ++phase) {
    Executor& denoiser = *denoisers.emplace_back(&model_.denoiser(shapes[phase]));
    set_inputs(denoiser, batch, shapes[phase], phases.all[phase]);
    if (shape.masked)
      set_kept_rows(denoiser, shape, table, model_.prediction(), painting_rule(batch[0]->request));
  }
  const FirstLatents all{joined(batch, &FirstLatents::noise), joined(batch, &FirstLatents::known),
                         joined(batch, &FirstLatents::masked), joined(batch, &FirstLatents::mask)};

  const size_t latent =
      static_cast<size_t>(model_.config().vae.latent_channels * shape.height * shape.width);
  const size_t chunk = latent * static_cast<size_t>(shape.latents);
  std::vector<float> x(all.noise.size());
  std::vector<std::vector<float>> draws(table.draws.size());
  expect_host_memory(draws.size() * x.size() * sizeof(float), "the noise of all steps");
  for (size_t i = 0; i < draws.size(); ++i) {
    draws[i].resize(x.size());
    std::span<float> values = draws[i];
    for (Generation* drawing : batch) {
      const size_t own = latent * static_cast<size_t>(drawing->request.samples);
      drawing->noise.draw(values.first(own), table.draws[i]);
      values = values.subspan(own);
    }
  }

  DenoiseLoop loop(*denoisers[0], shape, table, [&](DenoiseLoop& going, size_t row) {
    const size_t phase = phases.of_row[row];
    Executor& denoiser = *denoisers[phase];
    if (batch.size() == 1 &&
        batch[0]->conditioning->advance(denoiser, shapes[phase], static_cast<int>(row)))
      denoiser.run(Rate::picture, stop);
    going.go_on_with(denoiser);
  });
  const bool each_chunk_its_own = is_inpainting(model_.config().unet);
  for (size_t at = 0; at < x.size(); at += chunk, done += table.steps) {
    for (Executor* denoiser : denoisers) {
      set_known(*denoiser, shape, at / latent, all);
      if (at == 0 || each_chunk_its_own) denoiser->run(Rate::picture, stop);
    }
    const auto part_of = [&](std::span<const float> values) {
      return values.empty() ? values : values.subspan(at, chunk);
    };
    std::vector<std::span<const float>> own;
    for (const auto& draw : draws) own.push_back(part_of(draw));
    loop.begin(part_of(all.noise), own, part_of(all.known));
    while (!loop.done()) {
      loop.run(stop);
      loop.wait_for_all_but_two();
      const int steps = loop.done() ? table.steps : table.rows[loop.row()].step;
      report(batch, Stage::denoise, done + steps, of, table.rows[loop.row() - 1].timestep);
    }
    const auto result = loop.first_slot();
    if (!all_finite(result))
      find_non_finite_step(loop, part_of(all.noise), own, part_of(all.known), table);
    std::ranges::copy(result, x.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return x;
}

Image BatchRun::decoded(Executor& decoder, std::span<const float> latent,
                        const StopRequested& stop) const {
  std::vector<float> scaled(latent.begin(), latent.end());
  for (float& value : scaled) value /= model_.scaling_factor();
  decoder.set_input("latent", scaled);
  decoder.run(Rate::picture, stop);
  expect_finite(decoder.output("image"), "VAE decoder");
  const Shape& latents = decoder.type_of_input("latent").shape;
  Image image{static_cast<int>(8 * latents[3]), static_cast<int>(8 * latents[2]), 3, {}};
  image.pixels.resize(decoder.output("image").size());
  fill_pixels(image, decoder.output("image"));
  return image;
}

void BatchRun::decode(Batch batch, std::span<const float> latents, Executor& decoder,
                      const StopRequested& stop) {
  const auto one = static_cast<size_t>(decoder.type_of_input("latent").elements());
  for (Generation* drawing : batch) {
    const auto samples = static_cast<size_t>(drawing->request.samples);
    const auto own = latents.first(one * samples);
    latents = latents.subspan(own.size());
    if (batch.size() > 1 && drawing->is_given_up()) continue;
    drawing->report(Stage::decode, 0, drawing->request.samples);
    for (size_t i = 0; i < samples; ++i) {
      Image image = decoded(decoder, own.subspan(i * one, one), stop);
      if (drawing->initial && drawing->initial->paste)
        image = pasted(*drawing->initial->paste, image);
      drawing->result.images[i] = std::move(image);
      drawing->report(Stage::decode, static_cast<int>(i) + 1, drawing->request.samples);
    }
  }
}

/// All that needs memory. -> the decoder
Executor& BatchRun::make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                               const StopRequested& stop) {
  const ImageSize size = batch[0]->size;
  int samples = 0;
  for (const Generation* drawing : batch) samples += drawing->request.samples;
  try {
    for (Generation* drawing : batch)
      drawing->result.images = blank_images(drawing->request.samples, size);
    for (const DenoiserShape& shape : shapes) model_.denoiser(shape, stop);
    for (const Generation* drawing : batch)
      model_.text_encoder(drawing->prompts.encoder(drawing->request), stop);
    if (needs_encoder(batch[0]->request, model_.config().unet))
      model_.vae_encoder(size.height / 8, size.width / 8, stop);
    return model_.vae_decoder(size.height / 8, size.width / 8, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) throw;
    fail(error.kind(), "{}x{} pixels, {} sample{}: {}", size.width, size.height, samples,
         samples > 1 ? "s" : "", error.what());
  }
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
        model_, drawing->request, drawing->initial ? &*drawing->initial : nullptr, size,
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
    Executor& decoder = model_.vae_decoder(from.height / 8, from.width / 8, stop);
    const Image large = pillow_resize(
        decoded(decoder, latents.subspan(at, one), stop), to,
        upscaler == HiresUpscaler::nearest ? PillowFilter::nearest : PillowFilter::lanczos);
    const auto latent = mean_latent(model_, large, stop);
    second.first.known.insert(second.first.known.end(), latent.begin(), latent.end());
  }
}

/// The second passes of a batch over its latents. -> theirs
std::vector<float> BatchRun::draw_second(Batch batch, Batch seconds,
                                         std::span<const DenoiserShape> shapes,
                                         std::span<const float> latents, int done, int of,
                                         const StopRequested& stop) {
  encode_prompts(seconds, stop);
  encode_initial(seconds, stop);
  for (const Generation* drawing : batch) {
    const auto own = latents.first(drawing->first.noise.size());
    latents = latents.subspan(own.size());
    enlarge(*drawing, own, stop);
  }
  return denoise(seconds, shapes, done, of, stop);
}

void BatchRun::draw(Batch batch) {
  model_.model()->hash().begin();  // for the texts of the pictures
  const std::vector<DenoiserShape> shapes = shapes_for(batch);
  const StopRequested stop = stop_of(batch);
  const auto use = model_.use(stop, batch[0]->adapters);
  model_.begin(stop);
  Executor* decoder = &make_ready(batch, shapes, stop);
  const std::vector<Generation*> seconds = second_passes(batch);
  std::vector<DenoiserShape> second_shapes;
  if (!seconds.empty()) {
    second_shapes = shapes_for(seconds);
    decoder = &make_ready(seconds, second_shapes, stop);
  }
  for (Generation* drawing : batch) {
    auto& notices = drawing->result.notices;
    std::ranges::copy(model_.notices(), std::back_inserter(notices));
    std::ranges::copy(model_.backend().notices(), std::back_inserter(notices));
  }
  finish(batch, Stage::prepare);

  encode_prompts(batch, stop);
  finish(batch, Stage::text);

  encode_initial(batch, stop);
  if (needs_encoder(batch[0]->request, model_.config().unet)) finish(batch, Stage::encode);

  const int first_steps = evaluations(batch, shapes[0]);
  const int steps = first_steps + (seconds.empty() ? 0 : evaluations(seconds, second_shapes[0]));
  report(batch, Stage::denoise, 0, steps);
  auto latents = denoise(batch, shapes, 0, steps, stop);
  if (!seconds.empty())
    latents = draw_second(batch, seconds, second_shapes, latents, first_steps, steps, stop);
  finish(batch, Stage::denoise);

  decode(batch, latents, *decoder, stop);
  for (Generation* drawing : batch) {
    for (int i = 0; i < drawing->request.samples; ++i)
      drawing->result.parameters.push_back(format_parameters(
          parameters_of(drawing->request, drawing->units, model_.description(), drawing->size,
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
