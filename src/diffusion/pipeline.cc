#include "drypoint/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "diffusion/conditioning.h"
#include "diffusion/denoise_loop.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/model.h"
#include "diffusion/parameters_of.h"
#include "diffusion/random.h"
#include "diffusion/request.h"
#include "diffusion/sampling.h"
#include "diffusion/together.h"
#include "image/edge_checks.h"

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

/// Draws the noise of all samples, in one stream or in one for each.
class NoiseSource {
 public:
  NoiseSource(const Request& request, uint64_t seed) {
    const int streams = request.noise == NoiseKind::batch ? 1 : request.samples;
    for (int i = 0; i < streams; ++i)
      generators_.push_back(make_generator(request.random, seed + static_cast<uint64_t>(i)));
  }
  void draw(std::span<float> values) {
    const size_t part = values.size() / generators_.size();
    for (size_t i = 0; i < generators_.size(); ++i)
      generators_[i]->randn(values.subspan(i * part, part));
  }

 private:
  std::vector<std::unique_ptr<Generator>> generators_;
};

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
  NoiseSource noise;
  Stopwatch watch;
  std::optional<Conditioning> conditioning;  // of `prompts`, which stay where they are then

  ImageSize size() const { return {result.edges.width, result.edges.height}; }
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
  return a.table == b.table && a.request.strength == b.request.strength &&
         a.request.guess_mode == b.request.guess_mode;
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
  void set_control(const std::filesystem::path& path) { model_.set_control(path); }
  void prepare(std::span<const ImageSize> sizes, int samples);
  Result generate(const Request& request, const Callbacks& callbacks);
  std::vector<Outcome> draw_together(std::span<const Asked> asked);

 private:
  Drawing begin(const Request& request, const Callbacks& callbacks) const;
  DenoiserShape shape_of(const Drawing& drawing) const {
    return denoiser_shape(model_, drawing.request, drawing.size(), drawing.table,
                          drawing.prompts.shape());
  }
  void draw(Batch batch);
  void draw(Drawing& drawing);
  Executor& make_ready(Batch batch, const DenoiserShape& shape, const StopRequested& stop);
  bool go_together(const Drawing& a, const Drawing& b) const;
  void set_inputs(Executor& denoiser, Batch batch, const DenoiserShape& shape) const;
  std::vector<float> denoise(Batch batch, const DenoiserShape& shape, const StopRequested& stop);
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
  return can(a) && can(b) && have_the_same(a, b) && shape_of(a) == shape_of(b);
}

void Pipeline::Implementation::set_inputs(Executor& denoiser, Batch batch,
                                          const DenoiserShape& shape) const {
  Drawing& first = *batch[0];
  if (batch.size() == 1) {
    set_picture_inputs(denoiser, shape, first.table, first.result.edges, first.request);
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
                      drawing->prompts.guidance_scale, drawing->result.edges, drawing->request});
  set_picture_inputs(denoiser, shape, first.table, inputs);
}

/// -> [samples of all, 4, h, w]
std::vector<float> Pipeline::Implementation::denoise(Batch batch, const DenoiserShape& shape,
                                                     const StopRequested& stop) {
  const SamplerTable& table = batch[0]->table;
  Executor& denoiser = model_.denoiser(shape);
  set_inputs(denoiser, batch, shape);
  denoiser.run(Rate::picture, stop);

  const size_t latent =
      static_cast<size_t>(model_.config().vae.latent_channels * shape.height * shape.width);
  const size_t chunk = latent * static_cast<size_t>(shape.latents);
  size_t samples = 0;
  for (const Drawing* drawing : batch) samples += static_cast<size_t>(drawing->request.samples);
  const auto draw_noise = [&](std::span<float> values) {
    for (Drawing* drawing : batch) {
      const size_t own = latent * static_cast<size_t>(drawing->request.samples);
      drawing->noise.draw(values.first(own));
      values = values.subspan(own);
    }
  };
  std::vector<float> x(latent * samples);
  draw_noise(x);
  std::vector<std::vector<float>> draws(table.draws.size());
  expect_host_memory(draws.size() * x.size() * sizeof(float), "the noise of all steps");
  for (auto& draw : draws) draw_noise(draw = std::vector<float>(x.size()));

  const int all = table.steps * static_cast<int>(x.size() / chunk);
  DenoiseLoop loop(denoiser, shape, table, [&](size_t row) {
    if (batch.size() == 1 &&
        batch[0]->conditioning->advance(denoiser, shape, static_cast<int>(row)))
      denoiser.run(Rate::picture, stop);
  });
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
          parameters_of(request, model_.description(), drawing->size(), drawing->result.seed, i)));
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
Executor& Pipeline::Implementation::make_ready(Batch batch, const DenoiserShape& shape,
                                               const StopRequested& stop) {
  const ImageSize size = batch[0]->size();
  int samples = 0;
  for (const Drawing* drawing : batch) samples += drawing->request.samples;
  model_.begin();
  try {
    for (Drawing* drawing : batch)
      drawing->result.images = blank_images(drawing->request.samples, size);
    model_.denoiser(shape, stop);
    for (const Drawing* drawing : batch)
      model_.text_encoder(drawing->prompts.encoder(drawing->request), stop);
    return model_.vae_decoder(shape.height, shape.width, stop);
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
  Prompts prompts = read_prompts(request, model_, result.notices);
  SamplerTable table = sampler_table(request, model_.noise_schedule(), model_.prediction());
  result.seed = request.seed ? *request.seed : std::random_device()();
  NoiseSource noise(request, result.seed);
  result.edges =
      request.is_edges ? request.image : control_edges(request.image, edge_options(request));
  if (request.is_edges)
    if (auto notice = edge_map_notice(request.image)) result.notices.push_back(std::move(*notice));
  return {
      request, callbacks, std::move(result), std::move(prompts), std::move(table), std::move(noise),
      watch,   {}};
}

/// A batch is of one drawing, or of several with one sample each, alike in shape and in what the
/// denoiser has once for all.
void Pipeline::Implementation::draw(Batch batch) {
  const DenoiserShape shape = together(shape_of(*batch[0]), batch.size());
  const StopRequested stop = stop_of(batch);
  const auto use = model_.use(stop);
  Executor& decoder = make_ready(batch, shape, stop);
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
  const auto latents = denoise(batch, shape, stop);
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
void Pipeline::set_control(const std::filesystem::path& path) {
  at_border(path.string(), [&] { implementation_->set_control(path); });
}
Result Pipeline::generate(const Request& request, const Callbacks& callbacks) {
  return at_border("drawing", callbacks,
                   [&](const auto& own) { return implementation_->generate(request, own); });
}

}  // namespace drypoint
