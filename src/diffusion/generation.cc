#include "diffusion/generation.h"

#include "diffusion/sampling.h"

namespace drypoint {

bool have_the_same(const Generation& a, const Generation& b) {
  return a.table == b.table && a.phases == b.phases && steer_alike(a.units, b.units) &&
         painting_rule(a.request) == painting_rule(b.request) &&
         a.initial.has_value() == b.initial.has_value();
}

std::vector<DenoiserShape> shapes_of(const Stages& model, const Generation& drawing) {
  const DenoiserShape whole =
      denoiser_shape(model, drawing.request, drawing.size, drawing.table, drawing.prompts.shape());
  std::vector<DenoiserShape> shapes;
  for (const Phase& phase : drawing.phases.all)
    shapes.push_back(shape_in(phase, whole, drawing.units));
  return shapes;
}

}  // namespace drypoint
