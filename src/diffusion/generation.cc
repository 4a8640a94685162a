#include "diffusion/generation.h"

#include <algorithm>

#include "diffusion/request/sampling.h"

namespace drypoint {

namespace {

/// What of soft inpainting the denoiser's rows hold.
bool soften_alike(const Request& a, const Request& b) {
  return a.soft_inpainting == b.soft_inpainting && a.soft_schedule_bias == b.soft_schedule_bias &&
         a.soft_preservation_strength == b.soft_preservation_strength &&
         a.soft_transition_contrast_boost == b.soft_transition_contrast_boost;
}

}  // namespace

bool have_the_same(const Generation& a, const Generation& b) {
  return a.table == b.table && a.phases == b.phases && steer_alike(a.units, b.units) &&
         painting_rule(a.request) == painting_rule(b.request) &&
         soften_alike(a.request, b.request) && a.initial.has_value() == b.initial.has_value();
}

Tiles Generation::tiles() const {
  return {{size.width / 8, size.height / 8}, request.tile / 8, request.tile / 32};
}

std::vector<DenoiserShape> shapes_of(const Stages& model, const Generation& drawing) {
  const Tiles tiles = drawing.tiles();
  DenoiserShape whole =
      denoiser_shape(model, drawing.request, {8 * tiles.size().width, 8 * tiles.size().height},
                     drawing.table, drawing.prompts.shape());
  // Each tile brings its own noise at each step.
  if (tiles.count() > 1) whole.noises = std::min<int64_t>(whole.noises, 1);
  std::vector<DenoiserShape> shapes;
  for (const Phase& phase : drawing.phases.all)
    shapes.push_back(shape_in(phase, whole, drawing.units));
  return shapes;
}

}  // namespace drypoint
