#include "diffusion/parameters_of.h"

#include <fmt/format.h>

#include "diffusion/hires.h"
#include "diffusion/initial.h"
#include "diffusion/request.h"
#include "diffusion/samplers/names.h"
#include "drypoint/fields.h"
#include "drypoint/version.h"

namespace drypoint {

namespace {

/// Other programs do not know which of these is a sampler's own, so that it is always written.
bool is_of_sigmas(ScheduleKind kind) {
  return kind >= ScheduleKind::uniform && kind <= ScheduleKind::kl_optimal;
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
    if (const double blur = mask_blur(request); blur > 0) add("Mask blur", fmt::to_string(blur));
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
  if (request.hires_scale > 1) {
    add("Hires upscale", fmt::to_string(request.hires_scale));
    if (request.hires_steps > 0) add("Hires steps", fmt::to_string(request.hires_steps));
    add("Hires upscaler", std::string(label(request.hires_upscaler)));
  }
}

}  // namespace

Parameters parameters_of(const Request& request, const ModelDescription& model, ImageSize size,
                         uint64_t seed, int number) {
  const bool alone = request.noise == NoiseKind::per_sample;
  Parameters parameters;
  parameters.prompt = full_prompt(request);
  parameters.negative_prompt = request.negative_prompt;
  parameters.steps = request.steps;
  parameters.cfg_scale = request.guidance_scale;
  parameters.seed = alone ? seed + static_cast<uint64_t>(number) : seed;
  parameters.width = size.width;
  parameters.height = size.height;
  parameters.model = model.model;
  const auto [sampler, schedule] = choose_sampler(request.sampler, request.schedule);
  parameters.sampler = sampler.name;
  if (schedule != ScheduleKind::official &&
      (schedule != sampler.schedule || is_of_sigmas(schedule)))
    parameters.schedule_type = label(schedule);
  parameters.rng = request.random.kind == RandomKind::cpu ? "CPU" : "GPU";
  ControlParameters control;
  control.module = request.is_edges ? "none" : "canny";
  control.model = model.control;
  control.weight = request.strength;
  control.processor_resolution =
      request.size == ImageSize() ? request.resolution : std::min(size.width, size.height);
  control.threshold_a = request.low_threshold;
  control.threshold_b = request.high_threshold;
  if (request.guess_mode) control.control_mode = "ControlNet is more important";
  parameters.controls.push_back(control);
  const auto add = [&](const char* key, const std::string& value) {
    parameters.others.emplace_back(key, value);
  };
  if (request.schedule == ScheduleKind::official) add("Schedule", "official");
  if (sampler.name == "DDIM") parameters.eta = request.eta.value_or(0);
  if (sampler.name != "DDIM" && request.eta && *request.eta != sampler.settings.eta)
    add("Eta", fmt::to_string(*request.eta));
  add_painting(request, parameters.others);
  const Request usual_request;
  for (const auto& field : request_fields())
    if (const std::string value = field.get(request);
        !field.text_key.empty() && value != field.get(usual_request))
      add(field.text_key.c_str(), value);
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
