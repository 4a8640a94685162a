#include "drypoint/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "base/error.h"
#include "base/memory.h"
#include "diffusion/control_strength.h"
#include "diffusion/model.h"
#include "diffusion/parameters_of.h"
#include "diffusion/random.h"
#include "diffusion/request.h"
#include "diffusion/sampler.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

/// Latents denoised together: more would need memory without running faster on a CPU.
constexpr int64_t most_together = 4;

/// Timesteps are a table in the plan; its length is rounded up so that few lengths occur.
int64_t table_length(size_t steps) {
  int64_t length = 32;
  while (length < static_cast<int64_t>(steps)) length *= 2;
  return length;
}

int64_t together(int64_t samples) {
  for (int64_t n = most_together; n > 1; --n)
    if (samples % n == 0) return n;
  return 1;
}

void expect_finite(std::span<const float> values, const std::string& where) {
  for (float value : values)
    if (!std::isfinite(value))
      fail(ErrorKind::non_finite, "{}: the result holds NaN or infinity", where);
}

/// [H, W, C] bytes -> [3, H, W] from 0 to 1; one channel is taken three times.
std::vector<float> hint_values(const Image& edges) {
  const size_t pixels = static_cast<size_t>(edges.width) * edges.height;
  const auto channels = static_cast<size_t>(edges.channels);
  std::vector<float> hint(3 * pixels);
  for (size_t c = 0; c < 3; ++c)
    for (size_t p = 0; p < pixels; ++p)
      hint[c * pixels + p] =
          static_cast<float>(edges.pixels[p * channels + std::min(c, channels - 1)]) / 255.0f;
  return hint;
}

void fill_pixels(Image& image, std::span<const float> values) {
  std::transform(values.begin(), values.end(), image.pixels.begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(value * 127.5f + 127.5f, 0.0f, 255.0f));
  });
}

/// Room for the pictures, taken before the rest of the memory is estimated.
std::vector<Image> blank_images(int samples, ImageSize size) {
  const size_t bytes = 3 * static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
  const size_t needed = static_cast<size_t>(samples) * bytes, available = available_host_memory();
  if (needed > available)
    fail(ErrorKind::out_of_memory, "{} MiB needed for the pictures themselves, {} MiB available",
         needed >> 20, available >> 20);
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

class Stopwatch {
 public:
  /// Seconds since the last call, or since it was made.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

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
  Implementation(const ModelFiles& files, const PipelineOptions& options)
      : model_(files, options),
        defaults_(defaults_from(model_.weights().metadata, files.model.string())) {}

  const Model& model() const { return model_; }
  const Request& defaults() const { return defaults_; }
  void prepare(std::span<const ImageSize> sizes, int samples);
  Result generate(const Request& request, const Callbacks& callbacks);

 private:
  /// What guidance needs: both prompts in one run, one alone, or each in a run of its own.
  struct Plan {
    DenoiserShape positive, negative;  // the same if they run together
    bool guided = false, apart = false;
  };
  Plan plan_for(ImageSize size, int64_t samples, size_t steps, bool guided, bool guess_mode) const;
  Executor& make_ready(const Request& request, const Plan& plan, const StopRequested& stop,
                       Result& result);
  std::vector<int32_t> tokens(const Request& request, bool guided,
                              std::vector<std::string>& notices) const;
  std::vector<float> encode(const std::vector<int32_t>& tokens, const StopRequested& stop);
  std::vector<float> denoise(const Request& request, const Plan& plan,
                             const std::vector<DdimStep>& steps, const Image& edges,
                             std::span<const float> context, NoiseSource& noise,
                             const Callbacks& callbacks);
  void predict_noise(const Plan& plan, std::span<const float> latents, int32_t step, float scale,
                     std::span<float> noise, const StopRequested& stop);
  void set_picture_inputs(const DenoiserShape& shape, std::span<const float> context,
                          std::span<const float> timesteps, const Image& edges,
                          const Request& request, const StopRequested& stop);

  Model model_;
  Request defaults_;
};

Pipeline::Implementation::Plan Pipeline::Implementation::plan_for(ImageSize size, int64_t samples,
                                                                  size_t steps, bool guided,
                                                                  bool guess_mode) const {
  Plan plan;
  plan.guided = guided;
  plan.apart = guided && guess_mode;
  const int64_t prompts = guided && !plan.apart ? 2 : 1;
  plan.positive = {.latents = together(samples),
                   .prompts = prompts,
                   .contexts = prompts,
                   .height = size.height / 8,
                   .width = size.width / 8,
                   .context_length = kTokenCount,
                   .max_steps = table_length(steps)};
  plan.negative = plan.positive;
  if (plan.apart) plan.negative.control = false;
  return plan;
}

/// -> [1 or 2, 77]: the negative prompt, if it is needed, then the positive.
std::vector<int32_t> Pipeline::Implementation::tokens(const Request& request, bool guided,
                                                      std::vector<std::string>& notices) const {
  if (request.prompt.empty()) notices.push_back("prompt: is empty");
  std::vector<int32_t> ids;
  const auto add = [&](const std::string& field, const std::string& text) {
    const Tokens tokens = model_.tokenizer().encode(text);
    if (tokens.cut)
      notices.push_back(fmt::format(
          "{}: longer than {} tokens, cut before \"{}\"", field, kTokenCount - 2,
          printable(first_bytes(std::string_view(text).substr(tokens.cut_at_byte), 40))));
    ids.insert(ids.end(), tokens.ids.begin(), tokens.ids.end());
  };
  if (guided) add("negative prompt", request.negative_prompt);
  add("prompt", full_prompt(request));
  return ids;
}

/// [prompts, 77] -> [prompts, 77, width]
std::vector<float> Pipeline::Implementation::encode(const std::vector<int32_t>& tokens,
                                                    const StopRequested& stop) {
  Executor& encoder = model_.text_encoder(static_cast<int64_t>(tokens.size()) / kTokenCount);
  encoder.set_input("ids", tokens);
  encoder.run(Rate::picture, stop);
  const auto embedding = encoder.output("embedding");
  expect_finite(embedding, "text encoder");
  return {embedding.begin(), embedding.end()};
}

void Pipeline::Implementation::set_picture_inputs(const DenoiserShape& shape,
                                                  std::span<const float> context,
                                                  std::span<const float> timesteps,
                                                  const Image& edges, const Request& request,
                                                  const StopRequested& stop) {
  Executor& denoiser = model_.denoiser(shape);
  denoiser.set_input("timesteps", timesteps);
  denoiser.set_input("context", context);
  if (shape.control) {
    const auto scales = control_scales(request.strength, request.guess_mode);
    denoiser.set_input("hint", hint_values(edges));
    denoiser.set_input("control_scales", scales);
  }
  denoiser.run(Rate::picture, stop);
}

/// latents [n, 4, h, w] -> noise [n, 4, h, w], guided.
void Pipeline::Implementation::predict_noise(const Plan& plan, std::span<const float> latents,
                                             int32_t step, float scale, std::span<float> noise,
                                             const StopRequested& stop) {
  const auto run = [&](const DenoiserShape& shape) {
    Executor& denoiser = model_.denoiser(shape);
    denoiser.set_input("latent", latents);
    denoiser.set_input("step", std::span(&step, 1));
    denoiser.run(Rate::step, stop);
    return denoiser.output("eps");
  };
  const auto eps = run(plan.positive);
  if (!plan.guided)
    std::copy(eps.begin(), eps.end(), noise.begin());
  else if (plan.apart)
    guide(run(plan.negative), eps, scale, noise);
  else
    guide(eps.first(latents.size()), eps.last(latents.size()), scale, noise);
}

/// -> [samples, 4, h, w]
std::vector<float> Pipeline::Implementation::denoise(const Request& request, const Plan& plan,
                                                     const std::vector<DdimStep>& steps,
                                                     const Image& edges,
                                                     std::span<const float> context,
                                                     NoiseSource& noise,
                                                     const Callbacks& callbacks) {
  std::vector<float> timesteps(plan.positive.max_steps, 0.0f);
  std::transform(steps.begin(), steps.end(), timesteps.begin(),
                 [](const DdimStep& step) { return static_cast<float>(step.timestep); });
  const size_t width = context.size() / (plan.guided ? 2 : 1);
  set_picture_inputs(plan.positive, plan.apart ? context.last(width) : context, timesteps, edges,
                     request, callbacks.stop);
  if (plan.apart)
    set_picture_inputs(plan.negative, context.first(width), timesteps, edges, request,
                       callbacks.stop);

  const size_t latent =
      static_cast<size_t>(model_.latent_channels() * plan.positive.height * plan.positive.width);
  const size_t chunk = latent * static_cast<size_t>(plan.positive.latents);
  std::vector<float> x(latent * static_cast<size_t>(request.samples)), eps(x.size()), fresh;
  noise.draw(x);
  if (request.eta > 0) fresh.resize(x.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    for (size_t at = 0; at < x.size(); at += chunk)
      predict_noise(plan, std::span(x).subspan(at, chunk), static_cast<int32_t>(i),
                    static_cast<float>(request.guidance_scale), std::span(eps).subspan(at, chunk),
                    callbacks.stop);
    expect_finite(eps, fmt::format("denoiser at step {} of {} (timestep {})", i + 1, steps.size(),
                                   steps[i].timestep));
    if (request.eta > 0) noise.draw(fresh);
    ddim_update(steps[i], x, eps, fresh);
    if (callbacks.progress)
      callbacks.progress({Stage::denoise, static_cast<int>(i + 1), static_cast<int>(steps.size())});
  }
  return x;
}

void Pipeline::Implementation::prepare(std::span<const ImageSize> sizes, int samples) {
  check_samples(samples);
  for (ImageSize size : sizes) check_size(size, "size");
  model_.begin();
  model_.text_encoder(2);
  for (ImageSize size : sizes) {
    const Plan plan = plan_for(size, samples, static_cast<size_t>(defaults_.steps),
                               defaults_.guidance_scale != 1, false);
    model_.denoiser(plan.positive);
    model_.vae_decoder(plan.positive.height, plan.positive.width);
  }
}

/// All that needs memory. -> the decoder
Executor& Pipeline::Implementation::make_ready(const Request& request, const Plan& plan,
                                               const StopRequested& stop, Result& result) {
  const ImageSize size{result.edges.width, result.edges.height};
  model_.begin();
  try {
    result.images = blank_images(request.samples, size);
    model_.denoiser(plan.positive, stop);
    if (plan.apart) model_.denoiser(plan.negative, stop);
    model_.text_encoder(plan.guided ? 2 : 1, stop);
    return model_.vae_decoder(plan.positive.height, plan.positive.width, stop);
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
  const bool guided = request.guidance_scale != 1;
  const auto prompts = tokens(request, guided, result.notices);
  const auto steps =
      ddim_steps(model_.alphas_cumprod(), request.steps, request.schedule, request.eta);
  result.seed = request.seed ? *request.seed : std::random_device()();
  NoiseSource noise(request, result.seed);
  result.edges = request.is_edges
                     ? request.image
                     : control_edges(request.image, {request.resolution, request.low_threshold,
                                                     request.high_threshold});
  const ImageSize size{result.edges.width, result.edges.height};
  const Plan plan = plan_for(size, request.samples, steps.size(), guided, request.guess_mode);
  Executor& decoder = make_ready(request, plan, callbacks.stop, result);
  finish(Stage::prepare);

  report(Stage::text, 0, 1);
  const auto context = encode(prompts, callbacks.stop);
  finish(Stage::text);

  report(Stage::denoise, 0, static_cast<int>(steps.size()));
  auto latents = denoise(request, plan, steps, result.edges, context, noise, callbacks);
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
  finish(Stage::decode);
  return result;
}

Pipeline::Pipeline(const ModelFiles& files, const PipelineOptions& options)
    : implementation_(at_border(files.model.string(),
                                [&] { return std::make_unique<Implementation>(files, options); })) {
}
Pipeline::~Pipeline() = default;
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;

const ModelDescription& Pipeline::description() const {
  return implementation_->model().description();
}
Request Pipeline::defaults() const { return implementation_->defaults(); }
void Pipeline::prepare(std::span<const ImageSize> sizes, int samples) {
  at_border("preparing", [&] { implementation_->prepare(sizes, samples); });
}
Result Pipeline::generate(const Request& request, const Callbacks& callbacks) {
  return at_border("drawing", [&] { return implementation_->generate(request, callbacks); });
}

}  // namespace drypoint
