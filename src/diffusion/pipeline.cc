#include "drypoint/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "diffusion/adapter_use.h"
#include "diffusion/conditioning.h"
#include "diffusion/controls.h"
#include "diffusion/denoise_loop.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/first_latents.h"
#include "diffusion/hires.h"
#include "diffusion/initial.h"
#include "diffusion/keeping.h"
#include "diffusion/model.h"
#include "diffusion/noise_source.h"
#include "diffusion/parameters_of.h"
#include "diffusion/request.h"
#include "diffusion/sampling.h"
#include "diffusion/together.h"

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

/// A request from its checks to its pictures.
struct Drawing {
  const Request& request;
  const Callbacks& callbacks;
  Result result;
  Prompts prompts;
  SamplerTable table;
  ImageSize size;
  std::vector<Unit> units;  // what steers
  Steered steered;
  NoiseSource noise;
  AdapterSet adapters;
  Stopwatch watch;
  std::optional<Conditioning> conditioning;  // of `prompts`, which stay where they are then
  std::optional<InitialPicture> initial;
  FirstLatents first;
  // The pass over a larger latent, if there is one: what it begins with comes from this one.
  std::unique_ptr<const Request> second_request;
  std::unique_ptr<Drawing> second;

  /// Of one of `steered`'s sets.
  UnitSet unit_set(size_t set) const {
    UnitSet all;
    for (const size_t i : steered.sets[set]) all.push_back(&units[i]);
    return all;
  }
  void report(Stage stage, int done, int of, double timestep = 0) const {
    if (callbacks.progress) callbacks.progress({stage, done, of, timestep});
  }
  void finish(Stage stage) { result.seconds.emplace_back(name(stage), watch.lap()); }
  bool is_given_up() const { return callbacks.stop && callbacks.stop(); }
};

/// Drawings that share their steps.
using Batch = std::span<Drawing* const>;

void report(Batch batch, Stage stage, int done, int of, double timestep = 0) {
  for (const Drawing* drawing : batch) drawing->report(stage, done, of, timestep);
}
void finish(Batch batch, Stage stage) {
  for (Drawing* drawing : batch) drawing->finish(stage);
}

/// Their second passes, if they have any.
std::vector<Drawing*> second_passes(Batch batch) {
  std::vector<Drawing*> all;
  for (Drawing* drawing : batch)
    if (drawing->second) all.push_back(drawing->second.get());
  return all;
}

/// A latent's worth from each sample of all drawings, one after the other.
std::vector<float> joined(Batch batch, std::vector<float> FirstLatents::*member) {
  std::vector<float> all;
  for (const Drawing* drawing : batch)
    all.insert(all.end(), (drawing->first.*member).begin(), (drawing->first.*member).end());
  return all;
}

/// A batch goes on as long as one of it does.
StopRequested stop_of(Batch batch) {
  if (batch.size() == 1) return batch[0]->callbacks.stop;
  return [batch] {
    bool all = true;
    for (const Drawing* drawing : batch) all &= drawing->is_given_up();  // each is asked
    return all;
  };
}

/// Of several, those that are given up are passed over.
template <class Body>
void for_each(Batch batch, const Body& body) {
  for (Drawing* drawing : batch)
    if (batch.size() == 1 || !drawing->is_given_up()) body(*drawing);
}

/// What the denoiser has once for all latents.
bool have_the_same(const Drawing& a, const Drawing& b) {
  return a.table == b.table && steer_alike(a.units, b.units) &&
         painting_rule(a.request) == painting_rule(b.request) &&
         a.initial.has_value() == b.initial.has_value();
}

}  // namespace

std::string_view name(Stage stage) {
  switch (stage) {
    case Stage::prepare: return "prepare";
    case Stage::text: return "text";
    case Stage::encode: return "encode";
    case Stage::denoise: return "denoise";
    case Stage::decode: return "decode";
  }
  return "unknown";
}

class Pipeline::Implementation {
 public:
  explicit Implementation(const Model& model)
      : public_(model),
        model_(PipelineParts::loaded(model)),
        defaults_(model_.model()->defaults()) {}

  const Model& model() const { return public_; }
  Stages& stages() { return model_; }
  const Request& defaults() const { return defaults_; }
  void set_control(const std::filesystem::path& path, const std::string& name) {
    model_.set_control(path, name);
  }
  void prepare(std::span<const ImageSize> sizes, int samples);
  Result generate(const Request& request, const Callbacks& callbacks);
  std::vector<Outcome> draw_together(std::span<const Asked> asked);

 private:
  Drawing begin(const Request& request, const Callbacks& callbacks) const;
  /// Of the denoiser for one of `steered`'s sets.
  DenoiserShape shape_of(const Drawing& drawing, size_t set = 0) const {
    return with_units(denoiser_shape(model_, drawing.request, drawing.size, drawing.table,
                                     drawing.prompts.shape()),
                      drawing.units, drawing.steered.sets[set]);
  }
  std::vector<DenoiserShape> shapes_of(Batch batch) const;
  Drawing begin(const Request& request, const Callbacks& callbacks, const WalkPart& part) const;
  void draw(Batch batch);
  void draw(Drawing& drawing);
  void encode_prompts(Batch batch, const StopRequested& stop);
  void encode_initial(Batch batch, const StopRequested& stop);
  void enlarge(const Drawing& drawing, std::span<const float> latents, const StopRequested& stop);
  std::vector<float> draw_second(Batch batch, std::span<const float> latents, int done, int of,
                                 const StopRequested& stop);
  Image decoded(Executor& decoder, std::span<const float> latent, const StopRequested& stop) const;
  Executor& make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                       const StopRequested& stop);
  bool go_together(const Drawing& a, const Drawing& b) const;
  void set_inputs(Executor& denoiser, Batch batch, const DenoiserShape& shape, size_t set) const;
  int evaluations(Batch batch, const DenoiserShape& shape) const;
  std::vector<float> denoise(Batch batch, std::span<const DenoiserShape> shapes, int done, int of,
                             const StopRequested& stop);
  void decode(Batch batch, std::span<const float> latents, Executor& decoder,
              const StopRequested& stop);

  Model public_;
  Stages model_;
  Request defaults_;
};

/// Each of several has one text for all steps, so that its context is set once.
bool Pipeline::Implementation::go_together(const Drawing& a, const Drawing& b) const {
  const auto can = [](const Drawing& drawing) {
    return drawing.request.samples == 1 && drawing.prompts.are_plain();
  };
  if (a.second && b.second && !go_together(*a.second, *b.second)) return false;
  const bool is_told = model_.config().unet.guidance_width > 0;
  return can(a) && can(b) && a.adapters == b.adapters && have_the_same(a, b) &&
         shape_of(a) == shape_of(b) &&
         (!is_told || a.request.guidance_scale == b.request.guidance_scale);
}

void Pipeline::Implementation::set_inputs(Executor& denoiser, Batch batch,
                                          const DenoiserShape& shape, size_t set) const {
  Drawing& first = *batch[0];
  set_guidance_embedding(denoiser, first.request.guidance_scale);
  if (batch.size() == 1) {
    set_picture_inputs(denoiser, shape, first.table, first.unit_set(set));
    first.conditioning->begin(denoiser, shape);
    return;
  }
  // The places of those given up meanwhile are filled somehow.
  const auto context_size = static_cast<size_t>(shape.prompts * shape.context_length *
                                                model_.config().unet.context_width);
  std::vector<PictureInputs> inputs;
  for (const Drawing* drawing : batch)
    inputs.push_back({drawing->conditioning ? drawing->conditioning->context()
                                            : std::vector<float>(context_size),
                      drawing->prompts.guidance_scale, drawing->unit_set(set)});
  set_picture_inputs(denoiser, shape, first.table, inputs);
}

/// For each of `steered`'s sets.
std::vector<DenoiserShape> Pipeline::Implementation::shapes_of(Batch batch) const {
  std::vector<DenoiserShape> shapes;
  for (size_t set = 0; set < batch[0]->steered.sets.size(); ++set)
    shapes.push_back(together(shape_of(*batch[0], set), batch.size()));
  return shapes;
}

/// Steps of a batch, of one chunk of latents after the other.
int Pipeline::Implementation::evaluations(Batch batch, const DenoiserShape& shape) const {
  int samples = 0;
  for (const Drawing* drawing : batch) samples += drawing->request.samples;
  return batch[0]->table.steps * samples / static_cast<int>(shape.latents);
}

/// -> [samples of all, 4, h, w]. `done` of `of` steps have been done before.
std::vector<float> Pipeline::Implementation::denoise(Batch batch,
                                                     std::span<const DenoiserShape> shapes,
                                                     int done, int of, const StopRequested& stop) {
  const SamplerTable& table = batch[0]->table;
  const std::vector<size_t>& set_of_row = batch[0]->steered.set_of_row;
  const DenoiserShape& shape = shapes[0];  // the others differ in their controls alone
  std::vector<Executor*> denoisers;
  for (size_t set = 0; set < shapes.size(); ++set) {
    Executor& denoiser = *denoisers.emplace_back(&model_.denoiser(shapes[set]));
    set_inputs(denoiser, batch, shapes[set], set);
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
    for (Drawing* drawing : batch) {
      const size_t own = latent * static_cast<size_t>(drawing->request.samples);
      drawing->noise.draw(values.first(own), table.draws[i]);
      values = values.subspan(own);
    }
  }

  DenoiseLoop* going = nullptr;
  DenoiseLoop loop(*denoisers[0], shape, table, [&](size_t row) {
    Executor& denoiser = *denoisers[set_of_row[row]];
    if (batch.size() == 1 &&
        batch[0]->conditioning->advance(denoiser, shape, static_cast<int>(row)))
      denoiser.run(Rate::picture, stop);
    going->go_on_with(denoiser);
  });
  going = &loop;
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

Image Pipeline::Implementation::decoded(Executor& decoder, std::span<const float> latent,
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

void Pipeline::Implementation::decode(Batch batch, std::span<const float> latents,
                                      Executor& decoder, const StopRequested& stop) {
  const auto one = static_cast<size_t>(decoder.type_of_input("latent").elements());
  for (Drawing* drawing : batch) {
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

void Pipeline::Implementation::prepare(std::span<const ImageSize> sizes, int samples) {
  check_samples(samples);
  for (ImageSize size : sizes) check_size(size, "size");
  const auto use = model_.use({});
  model_.begin();
  model_.text_encoder({});
  for (ImageSize size : sizes) {
    Request request = defaults_;
    request.samples = samples;
    const auto shape =
        denoiser_shape(model_, request, size,
                       sampler_table(request, model_.noise_schedule(), model_.prediction()));
    model_.denoiser(shape);
    model_.vae_decoder(shape.height, shape.width);
    if (needs_encoder(request, model_.config().unet)) model_.vae_encoder(shape.height, shape.width);
  }
}

/// All that needs memory. -> the decoder
Executor& Pipeline::Implementation::make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                                               const StopRequested& stop) {
  const ImageSize size = batch[0]->size;
  int samples = 0;
  for (const Drawing* drawing : batch) samples += drawing->request.samples;
  try {
    for (Drawing* drawing : batch)
      drawing->result.images = blank_images(drawing->request.samples, size);
    for (const DenoiserShape& shape : shapes) model_.denoiser(shape, stop);
    for (const Drawing* drawing : batch)
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

/// All that can be wrong with a request shows here, before anything large is made.
Drawing Pipeline::Implementation::begin(const Request& request, const Callbacks& callbacks) const {
  check(request);
  if (callbacks.progress) callbacks.progress({Stage::prepare, 0, 1});
  Drawing drawing = begin(request, callbacks, walk_part(request));
  if (request.hires_scale > 1) {
    drawing.second_request =
        std::make_unique<const Request>(hires_request(request, drawing.size, drawing.result.seed));
    drawing.second = std::make_unique<Drawing>(
        begin(*drawing.second_request, callbacks, second_walk_part(request)));
  }
  return drawing;
}

Drawing Pipeline::Implementation::begin(const Request& request, const Callbacks& callbacks,
                                        const WalkPart& part) const {
  Stopwatch watch;
  Result result;
  AdapterSet adapters = model_.model()->adapters().find(adapters_of(request), result.notices);
  Prompts prompts = read_prompts(request, model_, result.notices, adapters);
  SamplerTable table = sampler_table(request, part, model_.noise_schedule(), model_.prediction());
  result.seed = request.seed ? *request.seed : std::random_device()();
  NoiseSource noise(request, result.seed, table);
  const ImageSize size = drawn_size(request);
  std::vector<Unit> units = units_of(request, model_, size, prompts.shape().guided, result.notices);
  for (const Unit& unit : units) result.hints.push_back(unit.hint);
  if (!units.empty()) result.edges = units[0].hint;
  Steered steered_rows = steered(units, table);
  Drawing drawing{.request = request,
                  .callbacks = callbacks,
                  .result = std::move(result),
                  .prompts = std::move(prompts),
                  .table = std::move(table),
                  .size = size,
                  .units = std::move(units),
                  .steered = std::move(steered_rows),
                  .noise = std::move(noise),
                  .adapters = std::move(adapters),
                  .watch = watch};
  if (!request.init_image.pixels.empty()) drawing.initial = initial_picture(request, size);
  return drawing;
}

void Pipeline::Implementation::encode_prompts(Batch batch, const StopRequested& stop) {
  for_each(batch, [&](Drawing& drawing) {
    drawing.report(Stage::text, 0, 1);
    drawing.conditioning.emplace(model_, drawing.prompts, drawing.request, stop);
  });
}

/// Also of those given up meanwhile, so that each has its place.
void Pipeline::Implementation::encode_initial(Batch batch, const StopRequested& stop) {
  for (Drawing* drawing : batch) {
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
void Pipeline::Implementation::enlarge(const Drawing& drawing, std::span<const float> latents,
                                       const StopRequested& stop) {
  Drawing& second = *drawing.second;
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
std::vector<float> Pipeline::Implementation::draw_second(Batch batch,
                                                         std::span<const float> latents, int done,
                                                         int of, const StopRequested& stop) {
  const auto seconds = second_passes(batch);
  encode_prompts(seconds, stop);
  encode_initial(seconds, stop);
  for (const Drawing* drawing : batch) {
    const auto own = latents.first(drawing->first.noise.size());
    latents = latents.subspan(own.size());
    enlarge(*drawing, own, stop);
  }
  return denoise(seconds, shapes_of(seconds), done, of, stop);
}

/// A batch is of one drawing, or of several with one sample each, alike in shape and in what the
/// denoiser has once for all.
void Pipeline::Implementation::draw(Batch batch) {
  model_.model()->hash().begin();  // for the texts of the pictures
  const std::vector<DenoiserShape> shapes = shapes_of(batch);
  const StopRequested stop = stop_of(batch);
  const auto use = model_.use(stop, batch[0]->adapters);
  model_.begin(stop);
  Executor* decoder = &make_ready(batch, shapes, stop);
  const auto seconds = second_passes(batch);
  if (!seconds.empty()) decoder = &make_ready(seconds, shapes_of(seconds), stop);
  for (Drawing* drawing : batch) {
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
  const int steps =
      first_steps + (seconds.empty() ? 0 : evaluations(seconds, shapes_of(seconds)[0]));
  report(batch, Stage::denoise, 0, steps);
  auto latents = denoise(batch, shapes, 0, steps, stop);
  if (!seconds.empty()) latents = draw_second(batch, latents, first_steps, steps, stop);
  finish(batch, Stage::denoise);

  decode(batch, latents, *decoder, stop);
  for (Drawing* drawing : batch) {
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

void Pipeline::Implementation::draw(Drawing& drawing) {
  Drawing* const alone = &drawing;
  draw(std::span(&alone, 1));
}

Result Pipeline::Implementation::generate(const Request& request, const Callbacks& callbacks) {
  Drawing drawing = begin(request, callbacks);
  draw(drawing);
  return std::move(drawing.result);
}

std::vector<Outcome> Pipeline::Implementation::draw_together(std::span<const Asked> asked) {
  std::vector<Outcome> outcomes(asked.size());
  std::vector<std::optional<Drawing>> drawings(asked.size());
  std::vector<Drawing*> batch;
  const auto attempt = [&](size_t i, const auto& body) {
    try {
      at_border("drawing", body);
    } catch (...) {
      outcomes[i].failure = std::current_exception();
    }
  };
  for (size_t i = 0; i < asked.size(); ++i)
    attempt(i, [&] {
      drawings[i].emplace(begin(asked[i].request, asked[i].callbacks));
      const Drawing& first = batch.empty() ? *drawings[i] : *batch[0];
      if (go_together(first, *drawings[i])) batch.push_back(&*drawings[i]);
    });
  bool is_drawn = false;
  if (batch.size() > 1) {
    try {
      draw(batch);
      is_drawn = true;
    } catch (...) {  // each alone says what is wrong with it
    }
  } else {
    batch.clear();
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    if (outcomes[i].failure) continue;
    attempt(i, [&] {
      Drawing& drawing = *drawings[i];
      const bool was_in_batch = std::ranges::count(batch, &drawing) > 0;
      if (was_in_batch && !is_drawn) {  // its noise has been drawn
        if (drawing.is_given_up()) fail(ErrorKind::cancelled, "cancelled");
        drawings[i].emplace(begin(asked[i].request, asked[i].callbacks));
      }
      if (!was_in_batch || !is_drawn) draw(drawing);
      outcomes[i].result = std::move(drawing.result);
    });
  }
  return outcomes;
}

Pipeline::Pipeline(const Model& model)
    : implementation_(
          at_border("pipeline", [&] { return std::make_unique<Implementation>(model); })) {}
Pipeline::Pipeline(const ModelFiles& files, const PipelineOptions& options)
    : Pipeline(Model(files, options)) {}
Pipeline::~Pipeline() {
  if (!implementation_) return;
  implementation_.reset();
  release_free_memory();
}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;

Stages& PipelineParts::stages(Pipeline& pipeline) { return pipeline.implementation_->stages(); }

std::vector<Outcome> draw_together(Pipeline& pipeline, std::span<const Asked> asked) {
  return PipelineParts::draw_together(pipeline, asked);
}
std::vector<Outcome> PipelineParts::draw_together(Pipeline& pipeline,
                                                  std::span<const Asked> asked) {
  return pipeline.implementation_->draw_together(asked);
}

const Model& Pipeline::model() const { return implementation_->model(); }
ModelDescription Pipeline::description() const { return model().description(); }
Request Pipeline::defaults() const { return implementation_->defaults(); }
void Pipeline::prepare(std::span<const ImageSize> sizes, int samples) {
  at_border("preparing", [&] { implementation_->prepare(sizes, samples); });
}
void Pipeline::set_control(const std::filesystem::path& path, const std::string& name) {
  at_border(path.string(), [&] { implementation_->set_control(path, name); });
}
Result Pipeline::generate(const Request& request, const Callbacks& callbacks) {
  return at_border("drawing", callbacks,
                   [&](const auto& own) { return implementation_->generate(request, own); });
}

}  // namespace drypoint
