#include "diffusion/parameters_of.h"

#include <fmt/format.h>

#include "diffusion/hires.h"
#include "diffusion/initial.h"
#include "diffusion/noise/noise_source.h"
#include "diffusion/request/adapter_use.h"
#include "diffusion/request/compat.h"
#include "diffusion/request/request.h"
#include "drypoint/fields.h"
#include "drypoint/preprocess.h"
#include "drypoint/version.h"

namespace drypoint {

namespace {

/// Other programs do not know which of these is a sampler's own, so that it is always written.
bool is_of_sigmas(ScheduleKind kind) {
  return kind >= ScheduleKind::uniform && kind <= ScheduleKind::kl_optimal;
}

std::string resize_mode(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::stretch: return "Just Resize";
    case ResizeMode::crop: return "Crop and Resize";
    case ResizeMode::fill: return "Resize and Fill";
  }
  return "unknown";
}

std::string control_mode(ControlMode mode) {
  switch (mode) {
    case ControlMode::balanced: return "Balanced";
    case ControlMode::prompt: return "My prompt is more important";
    case ControlMode::control: return "ControlNet is more important";
  }
  return "unknown";
}

ControlParameters control_parameters(const Unit& unit, const ModelDescription& model,
                                     int drawn_resolution, bool stretched) {
  const Control& settings = unit.settings;
  const Preprocessor& preprocessor = preprocessor_named(settings.preprocessor);
  ControlParameters control;
  control.module = preprocessor.name;
  control.model = model.controls.at(unit.net).file.string();
  if (const std::string& hash = model.control_hashes.at(unit.net); !hash.empty())
    control.model += fmt::format(" [{}]", hash);
  control.weight = settings.weight;
  control.resize_mode = resize_mode(stretched ? ResizeMode::stretch : settings.resize);
  control.processor_resolution = settings.resolution > 0 ? settings.resolution : drawn_resolution;
  control.threshold_a = settings.threshold_a.value_or(preprocessor.threshold_a.usual);
  control.threshold_b = settings.threshold_b.value_or(preprocessor.threshold_b.usual);
  control.guidance_start = settings.start;
  control.guidance_end = settings.end;
  control.control_mode = control_mode(settings.mode);
  control.layer_weights = settings.layer_weights;
  return control;
}

std::string rng_name(RandomKind kind) {
  switch (kind) {
    case RandomKind::cpu: return "CPU";
    case RandomKind::cuda: return "GPU";
    case RandomKind::nv: return "NV";
  }
  return "";
}

/// What the web UI has keys for; the rest is told by fields.
void add_painting(const Request& request,
                  std::vector<std::pair<std::string, std::string>>& others) {
  const bool begins_with_picture = !request.init_image.pixels.empty();
  const bool has_mask = !request.mask.pixels.empty() || request.outpaint != Margins();
  const auto add = [&](const char* key, std::string value) {
    others.emplace_back(key, std::move(value));
  };
  if (begins_with_picture || request.hires_scale > 1)
    add("Denoising strength", fmt::to_string(request.denoising_strength));
  if (begins_with_picture && has_mask) {
    if (!request.mask.pixels.empty()) add("Mask mode", "Inpaint masked");
    add("Mask blur", fmt::to_string(mask_blur(request)));
    if (request.only_masked) {
      add("Inpaint area", "Only masked");
      add("Masked area padding", fmt::to_string(request.mask_padding));
    }
    switch (request.inpaint_fill) {
      case InpaintFill::original: break;
      case InpaintFill::fill: add("Masked content", "fill"); break;
      case InpaintFill::latent_noise: add("Masked content", "latent noise"); break;
      case InpaintFill::latent_nothing: add("Masked content", "latent nothing"); break;
    }
  }
  if (request.soft_inpainting) add("Soft inpainting enabled", "True");
  if (request.hires_scale > 1) {
    add("Hires upscale", fmt::to_string(request.hires_scale));
    if (request.hires_steps > 0) add("Hires steps", fmt::to_string(request.hires_steps));
    add("Hires upscaler", std::string(label(request.hires_upscaler)));
  }
}

/// The web UI's extension writes all that is its own.
bool is_written_always(const Field<Request>& field, const Request& request) {
  return request.soft_inpainting && field.text_key.starts_with("Soft inpainting");
}

}  // namespace

Parameters parameters_of(const Request& request, std::span<const Unit> units,
                         const ModelDescription& model, ImageSize size, uint64_t seed, int number,
                         const std::string& model_hash) {
  const bool alone = has_own_noise(request);
  Parameters parameters;
  // Where prompts are plain, what looks like a tag is text.
  const bool has_tags = request.parser != ParserKind::plain;
  parameters.prompt = has_tags ? prompt_with_adapters(request) : full_prompt(request);
  parameters.negative_prompt = request.negative_prompt;
  parameters.steps = request.steps;
  parameters.cfg_scale = request.guidance_scale;
  parameters.seed = seed_of(request, seed, number);
  parameters.width = size.width;
  parameters.height = size.height;
  parameters.model = model.model;
  parameters.model_hash = model_hash;
  const auto [sampler, schedule] = sampler_of(request);
  parameters.sampler = sampler.name;
  if (schedule != ScheduleKind::official &&
      (schedule != sampler.schedule || is_of_sigmas(schedule)))
    parameters.schedule_type = label(schedule);
  parameters.rng = rng_name(request.random.kind);
  // Proportions are kept only where the very size was asked for.
  const bool by_resolution = !request.is_edges && request.size == ImageSize();
  const int drawn_resolution =
      by_resolution ? request.resolution : std::min(size.width, size.height);
  const bool stretched = by_resolution && request.controls.empty();
  for (const Unit& unit : units)
    parameters.controls.push_back(control_parameters(unit, model, drawn_resolution, stretched));
  const auto add = [&](const char* key, const std::string& value) {
    parameters.others.emplace_back(key, value);
  };
  if (by_resolution && !units.empty()) add("Resolution", fmt::to_string(request.resolution));
  if (!has_tags && !request.loras.empty()) add("Loras", named_adapters(request.loras));
  if (request.schedule == ScheduleKind::official) add("Schedule", "official");
  if (sampler.name == "DDIM") parameters.eta = request.eta.value_or(0);
  if (sampler.name != "DDIM" && request.eta && *request.eta != sampler.settings.eta)
    add("Eta", fmt::to_string(*request.eta));
  add_painting(request, parameters.others);
  const Request usual_request;
  for (const auto& field : request_fields())
    if (const std::string value = field.get(request);
        !field.text_key.empty() &&
        (value != field.get(usual_request) || is_written_always(field, request)))
      add(field.text_key.c_str(), value);
  if (request.subseed_strength != 0) {
    add("Variation seed", fmt::to_string(subseed_of(request, number)));
    add("Variation seed strength", fmt::to_string(request.subseed_strength));
  }
  if (request.seed_resize != ImageSize())
    add("Seed resize from",
        fmt::format("{}x{}", request.seed_resize.width, request.seed_resize.height));
  if (!alone && request.samples > 1) {  // the noise of one depends on how many there are
    add("Batch size", fmt::to_string(request.samples));
    add("Batch pos", fmt::to_string(number));
  }
  const RandomOptions &random = request.random, usual;
  if (random.kind == RandomKind::cuda &&
      (random.multiprocessors != usual.multiprocessors || random.threads != usual.threads))
    add("RNG grid", fmt::format("{}x{}", random.multiprocessors, random.threads));
  parameters.version = fmt::format("drypoint {}", version());
  return parameters;
}

}  // namespace drypoint
