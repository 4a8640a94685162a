#include "diffusion/generation.h"

#include <algorithm>

#include "diffusion/sampling.h"

namespace drypoint {

bool have_the_same(const Generation& a, const Generation& b) {
  return a.table == b.table && steer_alike(a.units, b.units) &&
         painting_rule(a.request) == painting_rule(b.request) &&
         a.initial.has_value() == b.initial.has_value();
}

Tiles Generation::tiles() const {
  return {{size.width / 8, size.height / 8}, request.tile / 8, request.tile / 32};
}

DenoiserShape shape_of(const Stages& model, const Generation& drawing, size_t set) {
  const Tiles tiles = drawing.tiles();
  DenoiserShape shape =
      denoiser_shape(model, drawing.request, {8 * tiles.size().width, 8 * tiles.size().height},
                     drawing.table, drawing.prompts.shape());
  // Each tile brings its own noise at each step.
  if (tiles.count() > 1) shape.noises = std::min<int64_t>(shape.noises, 1);
  shape.foretells = drawing.callbacks.preview && tiles.count() == 1;
  return with_units(shape, drawing.units, drawing.steered.sets[set]);
}

}  // namespace drypoint
