#include "drypoint/pipeline.h"

#include <algorithm>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/memory.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/draw_batch.h"
#include "diffusion/first_latents.h"
#include "diffusion/generation.h"
#include "diffusion/hires.h"
#include "diffusion/initial.h"
#include "diffusion/model/autoencoding.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/request/adapter_use.h"
#include "diffusion/request/controls.h"
#include "diffusion/request/painting.h"
#include "diffusion/request/request.h"
#include "diffusion/request/sampling.h"

namespace drypoint {

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

ImageSize largest_size(const Request& request) {
  return at_border("size", [&] {
    const ImageSize drawn = drawn_size(request), initial = initial_size(request);
    if (request.hires_scale > 1) return hires_size(request, drawn);
    const auto pixels = [](ImageSize size) { return int64_t{size.width} * size.height; };
    return request.outpaint != Margins() && pixels(initial) > pixels(drawn) ? initial : drawn;
  });
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
  Generation begin(const Request& request, const Callbacks& callbacks) const;
  Generation begin(const Request& request, const Callbacks& callbacks, const WalkPart& part,
                   int steps_before = 0) const;
  bool go_together(const Generation& a, const Generation& b) const;

  Model public_;
  Stages model_;
  Request defaults_;
};

/// Each of several has one text for all steps, so that its context is set once.
bool Pipeline::Implementation::go_together(const Generation& a, const Generation& b) const {
  const auto can = [](const Generation& drawing) {
    return drawing.request.samples == 1 && drawing.prompts.are_plain() &&
           drawing.tiles().count() == 1;
  };
  if (a.second && b.second && !go_together(*a.second, *b.second)) return false;
  const bool is_told = model_.config().unet.guidance_width > 0;
  return can(a) && can(b) && a.adapters == b.adapters && have_the_same(a, b) &&
         shapes_of(model_, a) == shapes_of(model_, b) &&
         (!is_told || a.request.guidance_scale == b.request.guidance_scale);
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
    const ImageSize tile = vae_tiles(size, request.vae_tile).size();
    model_.vae_decoder(tile.height, tile.width);
    if (needs_encoder(request, model_.config().unet)) model_.vae_encoder(tile.height, tile.width);
  }
}

/// All that can be wrong with a request shows here, before anything large is made.
Generation Pipeline::Implementation::begin(const Request& request,
                                           const Callbacks& callbacks) const {
  check(request);
  if (callbacks.preview_steps < 1)
    fail(ErrorKind::bad_argument, "preview_steps: {}, expected 1 or more", callbacks.preview_steps);
  if (request.hires_scale > 1 && request.hires_upscaler == HiresUpscaler::model &&
      !model_.model()->upscaler())
    fail(ErrorKind::bad_argument,
         "hires_upscaler: model, but none was given (upscaler: an ESRGAN file)");
  if (callbacks.progress) callbacks.progress({Stage::prepare, 0, 1});
  Generation drawing = begin(request, callbacks, walk_part(request));
  if (request.hires_scale > 1) {
    drawing.second_request =
        std::make_unique<const Request>(hires_request(request, drawing.size, drawing.result.seed));
    drawing.second = std::make_unique<Generation>(
        begin(*drawing.second_request, callbacks, second_walk_part(request), request.steps));
  }
  return drawing;
}

Generation Pipeline::Implementation::begin(const Request& request, const Callbacks& callbacks,
                                           const WalkPart& part, int steps_before) const {
  Stopwatch watch;
  Result result;
  AdapterSet adapters = model_.model()->adapters().find(adapters_of(request), result.notices);
  Prompts prompts = read_prompts(request, model_, result.notices, adapters, steps_before);
  SamplerTable table = sampler_table(request, part, model_.noise_schedule(), model_.prediction());
  result.seed = request.seed ? *request.seed : std::random_device()();
  NoiseSource noise(request, result.seed, table);
  const ImageSize size = drawn_size(request);
  std::vector<Unit> units =
      units_of(request, model_, size, prompts.shape().guided, result.notices, callbacks.stop);
  for (const Unit& unit : units) result.hints.push_back(unit.hint);
  if (!units.empty()) result.edges = units[0].hint;
  Phases phases = phases_of(request, units, prompts.shape().guided, table);
  Generation drawing{.request = request,
                     .callbacks = callbacks,
                     .result = std::move(result),
                     .prompts = std::move(prompts),
                     .table = std::move(table),
                     .size = size,
                     .units = std::move(units),
                     .phases = std::move(phases),
                     .noise = std::move(noise),
                     .adapters = std::move(adapters),
                     .watch = watch};
  drawing.vae_tile = request.vae_tile;
  if (!request.init_image.pixels.empty()) drawing.initial = initial_picture(request, size);
  return drawing;
}

Result Pipeline::Implementation::generate(const Request& request, const Callbacks& callbacks) {
  Generation drawing = begin(request, callbacks);
  Generation* const alone = &drawing;
  draw(model_, std::span(&alone, 1));
  return std::move(drawing.result);
}

std::vector<Outcome> Pipeline::Implementation::draw_together(std::span<const Asked> asked) {
  std::vector<Outcome> outcomes(asked.size());
  std::vector<std::optional<Generation>> drawings(asked.size());
  std::vector<Generation*> batch;
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
      const Generation& first = batch.empty() ? *drawings[i] : *batch[0];
      if (go_together(first, *drawings[i])) batch.push_back(&*drawings[i]);
    });
  bool is_drawn = false;
  if (batch.size() > 1) {
    try {
      draw(model_, batch);
      is_drawn = true;
    } catch (...) {  // each alone says what is wrong with it
    }
  } else {
    batch.clear();
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    if (outcomes[i].failure) continue;
    attempt(i, [&] {
      Generation& drawing = *drawings[i];
      const bool was_in_batch = std::ranges::count(batch, &drawing) > 0;
      const size_t together = was_in_batch && is_drawn ? batch.size() : 1;
      if (was_in_batch && !is_drawn) {  // its noise has been drawn
        if (drawing.is_given_up()) fail(ErrorKind::cancelled, "cancelled");
        drawings[i].emplace(begin(asked[i].request, asked[i].callbacks));
      }
      Generation* const alone = &drawing;
      if (together == 1) draw(model_, std::span(&alone, 1));
      outcomes[i].result = std::move(drawing.result);
      outcomes[i].together = together;
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
