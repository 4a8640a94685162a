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
                                       const SamplerTable& table) {
  loop.begin(noise, draws);
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
  return a.table == b.table && steer_alike(a.units, b.units);
}

}  // namespace

std::string_view name(Stage stage) {
  switch (stage) {
    case Stage::prepare: return "prepare";
    case Stage::text: return "text";
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
  void draw(Batch batch);
  void draw(Drawing& drawing);
  Executor& make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                       const StopRequested& stop);
  bool go_together(const Drawing& a, const Drawing& b) const;
  void set_inputs(Executor& denoiser, Batch batch, const DenoiserShape& shape, size_t set) const;
  std::vector<float> denoise(Batch batch, std::span<const DenoiserShape> shapes,
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

/// -> [samples of all, 4, h, w]
std::vector<float> Pipeline::Implementation::denoise(Batch batch,
                                                     std::span<const DenoiserShape> shapes,
                                                     const StopRequested& stop) {
  const SamplerTable& table = batch[0]->table;
  const std::vector<size_t>& set_of_row = batch[0]->steered.set_of_row;
  const DenoiserShape& shape = shapes[0];  // the others differ in their controls alone
  std::vector<Executor*> denoisers;
  for (size_t set = 0; set < shapes.size(); ++set) {
    Executor& denoiser = *denoisers.emplace_back(&model_.denoiser(shapes[set]));
    set_inputs(denoiser, batch, shapes[set], set);
    denoiser.run(Rate::picture, stop);
  }

  const size_t latent =
      static_cast<size_t>(model_.config().vae.latent_channels * shape.height * shape.width);
  const size_t chunk = latent * static_cast<size_t>(shape.latents);
  size_t samples = 0;
  for (const Drawing* drawing : batch) samples += static_cast<size_t>(drawing->request.samples);
  const auto of_each = [&](std::span<float> values, const auto& draw) {
    for (Drawing* drawing : batch) {
      const size_t own = latent * static_cast<size_t>(drawing->request.samples);
      draw(drawing->noise, values.first(own));
      values = values.subspan(own);
    }
  };
  std::vector<float> x(latent * samples);
  of_each(x, [&](NoiseSource& noise, std::span<float> own) {
    noise.begin(own, {model_.config().vae.latent_channels, shape.height, shape.width});
  });
  std::vector<std::vector<float>> draws(table.draws.size());
  expect_host_memory(draws.size() * x.size() * sizeof(float), "the noise of all steps");
  for (size_t i = 0; i < draws.size(); ++i)
    of_each(draws[i] = std::vector<float>(x.size()),
            [&](NoiseSource& noise, std::span<float> own) { noise.draw(own, table.draws[i]); });

  const int all = table.steps * static_cast<int>(x.size() / chunk);
  DenoiseLoop* going = nullptr;
  DenoiseLoop loop(*denoisers[0], shape, table, [&](size_t row) {
    Executor& denoiser = *denoisers[set_of_row[row]];
    if (batch.size() == 1 &&
        batch[0]->conditioning->advance(denoiser, shape, static_cast<int>(row)))
      denoiser.run(Rate::picture, stop);
    going->go_on_with(denoiser);
  });
  going = &loop;
  int before = 0;  // steps done for the latents before
  for (size_t at = 0; at < x.size(); at += chunk, before += table.steps) {
    const std::span<float> latents = std::span(x).subspan(at, chunk);
    std::vector<std::span<const float>> own;
    for (const auto& draw : draws) own.push_back(std::span(draw).subspan(at, chunk));
    loop.begin(latents, own);
    while (!loop.done()) {
      loop.run(stop);
      loop.wait_for_all_but_two();
      const int done = loop.done() ? table.steps : table.rows[loop.row()].step;
      report(batch, Stage::denoise, before + done, all, table.rows[loop.row() - 1].timestep);
    }
    const auto result = loop.first_slot();
    if (!all_finite(result)) find_non_finite_step(loop, latents, own, table);
    std::ranges::copy(result, latents.begin());
  }
  return x;
}

void Pipeline::Implementation::decode(Batch batch, std::span<const float> latents,
                                      Executor& decoder, const StopRequested& stop) {
  const int64_t one = decoder.type_of_input("latent").elements();
  std::vector<float> scaled(static_cast<size_t>(one));
  for (Drawing* drawing : batch) {
    const Request& request = drawing->request;
    const auto own = latents.first(scaled.size() * static_cast<size_t>(request.samples));
    latents = latents.subspan(own.size());
    if (batch.size() > 1 && drawing->is_given_up()) continue;
    drawing->report(Stage::decode, 0, request.samples);
    for (int i = 0; i < request.samples; ++i) {
      std::ranges::transform(own.subspan(static_cast<size_t>(i) * scaled.size(), scaled.size()),
                             scaled.begin(),
                             [&](float value) { return value / model_.scaling_factor(); });
      decoder.set_input("latent", scaled);
      decoder.run(Rate::picture, stop);
      expect_finite(decoder.output("image"), "VAE decoder");
      fill_pixels(drawing->result.images[static_cast<size_t>(i)], decoder.output("image"));
      drawing->result.parameters.push_back(format_parameters(
          parameters_of(request, drawing->units, model_.description(), drawing->size,
                        drawing->result.seed, i, model_.model()->hash().get())));
      drawing->report(Stage::decode, i + 1, request.samples);
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
  }
}

/// All that needs memory. -> the decoder
Executor& Pipeline::Implementation::make_ready(Batch batch, std::span<const DenoiserShape> shapes,
                                               const StopRequested& stop) {
  const ImageSize size = batch[0]->size;
  int samples = 0;
  for (const Drawing* drawing : batch) samples += drawing->request.samples;
  model_.begin(stop);
  try {
    for (Drawing* drawing : batch)
      drawing->result.images = blank_images(drawing->request.samples, size);
    for (const DenoiserShape& shape : shapes) model_.denoiser(shape, stop);
    for (const Drawing* drawing : batch)
      model_.text_encoder(drawing->prompts.encoder(drawing->request), stop);
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
  Stopwatch watch;
  Result result;
  AdapterSet adapters = model_.model()->adapters().find(adapters_of(request), result.notices);
  Prompts prompts = read_prompts(request, model_, result.notices, adapters);
  SamplerTable table = sampler_table(request, model_.noise_schedule(), model_.prediction());
  result.seed = request.seed ? *request.seed : std::random_device()();
  NoiseSource noise(request, result.seed, table);
  const ImageSize size = drawn_size(request);
  std::vector<Unit> units = units_of(request, model_, size, prompts.shape().guided, result.notices);
  for (const Unit& unit : units) result.hints.push_back(unit.hint);
  if (!units.empty()) result.edges = units[0].hint;
  Steered steered_rows = steered(units, table);
  return {request,
          callbacks,
          std::move(result),
          std::move(prompts),
          std::move(table),
          size,
          std::move(units),
          std::move(steered_rows),
          std::move(noise),
          std::move(adapters),
          watch,
          {}};
}

/// A batch is of one drawing, or of several with one sample each, alike in shape and in what the
/// denoiser has once for all.
void Pipeline::Implementation::draw(Batch batch) {
  model_.model()->hash().begin();  // for the texts of the pictures
  const std::vector<DenoiserShape> shapes = shapes_of(batch);
  const StopRequested stop = stop_of(batch);
  const auto use = model_.use(stop, batch[0]->adapters);
  Executor& decoder = make_ready(batch, shapes, stop);
  for (Drawing* drawing : batch) {
    auto& notices = drawing->result.notices;
    std::ranges::copy(model_.notices(), std::back_inserter(notices));
    std::ranges::copy(model_.backend().notices(), std::back_inserter(notices));
  }
  finish(batch, Stage::prepare);

  for_each(batch, [&](Drawing& drawing) {
    drawing.report(Stage::text, 0, 1);
    drawing.conditioning.emplace(model_, drawing.prompts, drawing.request, stop);
  });
  finish(batch, Stage::text);

  report(batch, Stage::denoise, 0, batch[0]->table.steps);
  const auto latents = denoise(batch, shapes, stop);
  finish(batch, Stage::denoise);

  decode(batch, latents, decoder, stop);
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
