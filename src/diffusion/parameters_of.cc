#include "diffusion/parameters_of.h"

#include <fmt/format.h>

#include "diffusion/request.h"
#include "drypoint/version.h"

namespace drypoint {

Parameters parameters_of(const Request& request, const ModelDescription& model, ImageSize size,
                         uint64_t seed) {
  Parameters parameters;
  parameters.prompt = full_prompt(request);
  parameters.negative_prompt = request.negative_prompt;
  parameters.steps = request.steps;
  parameters.cfg_scale = request.guidance_scale;
  parameters.seed = seed;
  parameters.width = size.width;
  parameters.height = size.height;
  parameters.model = model.model;
  parameters.eta = request.eta;
  parameters.rng = request.random.kind == RandomKind::cpu ? "CPU" : "GPU";
  ControlParameters control;
  control.module = request.is_edges ? "none" : "canny";
  control.model = model.control;
  control.weight = request.strength;
  control.processor_resolution = request.resolution;
  control.threshold_a = request.low_threshold;
  control.threshold_b = request.high_threshold;
  if (request.guess_mode) control.control_mode = "ControlNet is more important";
  parameters.controls.push_back(control);
  parameters.version = fmt::format("drypoint {}", version());
  return parameters;
}

}  // namespace drypoint
