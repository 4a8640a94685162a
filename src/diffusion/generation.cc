#include "diffusion/generation.h"

#include "diffusion/sampling.h"

namespace drypoint {

bool have_the_same(const Generation& a, const Generation& b) {
  return a.table == b.table && steer_alike(a.units, b.units) &&
         painting_rule(a.request) == painting_rule(b.request) &&
         a.initial.has_value() == b.initial.has_value();
}

DenoiserShape shape_of(const Stages& model, const Generation& drawing, size_t set) {
  return with_units(
      denoiser_shape(model, drawing.request, drawing.size, drawing.table, drawing.prompts.shape()),
      drawing.units, drawing.steered.sets[set]);
}

}  // namespace drypoint
