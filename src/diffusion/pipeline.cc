#include "drypoint/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "base/utf8.h"
#include "diffusion/conditioning.h"
#include "diffusion/denoise_loop.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/model.h"
#include "diffusion/parameters_of.h"
#include "diffusion/random.h"
#include "diffusion/request.h"
#include "diffusion/sampling.h"
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

 private:
  Executor& make_ready(const Request& request, const DenoiserShape& shape,
                       const TextEncoderShape& text, const StopRequested& stop, Result& result);
  std::vector<float> denoise(const Request& request, const DenoiserShape& shape,
                             const SamplerTable& table, const Image& edges,
                             Conditioning& conditioning, NoiseSource& noise,
                             const Callbacks& callbacks);

  Model public_;
  Stages model_;
  Request defaults_;
};

/// -> [samples, 4, h, w]
std::vector<float> Pipeline::Implementation::denoise(const Request& request,
                                                     const DenoiserShape& shape,
                                                     const SamplerTable& table, const Image& edges,
                                                     Conditioning& conditioning, NoiseSource& noise,
                                                     const Callbacks& callbacks) {
  Executor& denoiser = model_.denoiser(shape);
  set_picture_inputs(denoiser, shape, table, edges, request);
  conditioning.begin(denoiser, shape);
  denoiser.run(Rate::picture, callbacks.stop);

  const size_t latent =
      static_cast<size_t>(model_.config().vae.latent_channels * shape.height * shape.width);
  const size_t chunk = latent * static_cast<size_t>(shape.latents);
  std::vector<float> x(latent * static_cast<size_t>(request.samples));
  noise.draw(x);
  std::vector<std::vector<float>> draws(table.draws.size());
  expect_host_memory(draws.size() * x.size() * sizeof(float), "the noise of all steps");
  for (auto& draw : draws) noise.draw(draw = std::vector<float>(x.size()));

  const int all = table.steps * static_cast<int>(x.size() / chunk);
  DenoiseLoop loop(denoiser, shape, table, [&](size_t row) {
    if (conditioning.advance(denoiser, shape, static_cast<int>(row)))
      denoiser.run(Rate::picture, callbacks.stop);
  });
  int before = 0;  // steps done for the latents before
  for (size_t at = 0; at < x.size(); at += chunk, before += table.steps) {
    const std::span<float> latents = std::span(x).subspan(at, chunk);
    std::vector<std::span<const float>> own;
    for (const auto& draw : draws) own.push_back(std::span(draw).subspan(at, chunk));
    loop.begin(latents, own);
    while (!loop.done()) {
      loop.run(callbacks.stop);
      loop.wait_for_all_but_two();
      const int done = loop.done() ? table.steps : table.rows[loop.row()].step;
      if (callbacks.progress) callbacks.progress({Stage::denoise, before + done, all});
    }
    const auto result = loop.first_slot();
    if (!all_finite(result)) find_non_finite_step(loop, latents, own, table);
    std::ranges::copy(result, latents.begin());
  }
  return x;
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
Executor& Pipeline::Implementation::make_ready(const Request& request, const DenoiserShape& shape,
                                               const TextEncoderShape& text,
                                               const StopRequested& stop, Result& result) {
  if (request.is_edges)
    if (auto notice = edge_map_notice(request.image)) result.notices.push_back(std::move(*notice));
  const ImageSize size{result.edges.width, result.edges.height};
  model_.begin();
  try {
    result.images = blank_images(request.samples, size);
    model_.denoiser(shape, stop);
    model_.text_encoder(text, stop);
    return model_.vae_decoder(shape.height, shape.width, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) throw;
    fail(error.kind(), "{}x{} pixels, {} sample{}: {}", size.width, size.height, request.samples,
         request.samples > 1 ? "s" : "", error.what());
  }
}

Result Pipeline::Implementation::generate(const Request& request, const Callbacks& callbacks) {
  check(request);
  const auto report = [&](Stage stage, int done, int of) {
    if (callbacks.progress) callbacks.progress({stage, done, of});
  };
  Result result;
  Stopwatch watch;
  const auto finish = [&](Stage stage) { result.seconds.emplace_back(name(stage), watch.lap()); };

  report(Stage::prepare, 0, 1);
  // All that can be wrong with a request shows before anything large is made.
  const Prompts prompts = read_prompts(request, model_, result.notices);
  const SamplerTable table = sampler_table(request, model_.noise_schedule(), model_.prediction());
  result.seed = request.seed ? *request.seed : std::random_device()();
  NoiseSource noise(request, result.seed);
  result.edges =
      request.is_edges ? request.image : control_edges(request.image, edge_options(request));
  const ImageSize size{result.edges.width, result.edges.height};
  const DenoiserShape shape = denoiser_shape(model_, request, size, table, prompts.shape());
  const auto use = model_.use(callbacks.stop);
  Executor& decoder = make_ready(request, shape, prompts.encoder(request), callbacks.stop, result);
  std::ranges::copy(model_.notices(), std::back_inserter(result.notices));
  std::ranges::copy(model_.backend().notices(), std::back_inserter(result.notices));
  finish(Stage::prepare);

  report(Stage::text, 0, 1);
  Conditioning conditioning(model_, prompts, request, callbacks.stop);
  finish(Stage::text);

  report(Stage::denoise, 0, table.steps);
  auto latents = denoise(request, shape, table, result.edges, conditioning, noise, callbacks);
  finish(Stage::denoise);

  report(Stage::decode, 0, request.samples);
  for (float& value : latents) value /= model_.scaling_factor();
  const size_t latent = latents.size() / static_cast<size_t>(request.samples);
  for (int i = 0; i < request.samples; ++i) {
    decoder.set_input("latent", std::span<const float>(latents).subspan(i * latent, latent));
    decoder.run(Rate::picture, callbacks.stop);
    expect_finite(decoder.output("image"), "VAE decoder");
    fill_pixels(result.images[static_cast<size_t>(i)], decoder.output("image"));
    result.parameters.push_back(
        format_parameters(parameters_of(request, model_.description(), size, result.seed, i)));
    report(Stage::decode, i + 1, request.samples);
  }
  model_.check_files();
  finish(Stage::decode);
  return result;
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
