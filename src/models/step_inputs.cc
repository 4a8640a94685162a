#include "models/step_inputs.h"

namespace drypoint {

LatentSize smallest_latent(const UnetConfig& config) {
  const int64_t side = int64_t{1} << (config.levels.size() - 1);
  return {1, side, side};
}

StepInputs::StepInputs(Graph& graph, const Module& m, const UnetConfig& config,
                       const LatentSize& size) {
  const Shape shape{size.batch, config.in_channels, size.height, size.width};
  latent = to_channels_last(m, graph.add_input("latent", {DType::f32, shape}, Rate::step));
  timestep = graph.add_input("timestep", {DType::f32, {1}}, Rate::step);
  context = graph.add_input("context", {DType::f32, {size.batch, 77, config.context_width}},
                            Rate::picture);
  if (config.guidance_width > 0)
    guidance =
        graph.add_input("timestep_cond", {DType::f32, {1, config.guidance_width}}, Rate::picture);
}

}  // namespace drypoint
