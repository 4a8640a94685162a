#include "models/controlnet.h"

#include "checkpoint/parts.h"
#include "models/step_inputs.h"

namespace drypoint {

ValueId hint_features(const Module& m, ValueId hint, const ControlnetConfig& config) {
  // Convolutions at 0, 2, ... with SiLU between them; 4, 8 and 12 halve the size.
  ValueId h = hint;
  const size_t convolutions = config.hint_channels.size() - 1;
  for (size_t i = 0; i < convolutions; ++i) {
    const auto number = static_cast<int64_t>(2 * i);
    const bool halves = i == 2 || i == 4 || i == 6;
    h = conv2d(m / "input_hint_block" / number, h, config.hint_channels[i + 1], 3, halves ? 2 : 1);
    if (i + 1 < convolutions) h = silu(m / "input_hint_block" / (number + 1), h);
  }
  return h;
}

std::vector<ValueId> controls(const Module& m, ValueId x, ValueId features, ValueId embedding,
                              ValueId context, const ControlnetConfig& config) {
  const UnetConfig& trunk = config.trunk;
  std::vector<ValueId> controls;
  ValueId h = input_blocks(m, x, embedding, context, trunk, [&](int64_t i, ValueId result) {
    if (i == 0) result = add(m / "input_blocks.0", result, features);
    controls.push_back(conv2d(m / "zero_convs" / i / "0", result, m.shape(result)[3], 1));
    return result;
  });
  h = middle_block(m / "middle_block", h, embedding, context, trunk);
  controls.push_back(conv2d(m / "middle_block_out.0", h, trunk.middle.channels, 1));
  return controls;
}

std::vector<TensorSpec> tensors_of(const ControlnetConfig& config, size_t number) {
  Graph graph;
  const Module m(graph, control_module(number));
  const LatentSize size = smallest_latent(config.trunk);
  const StepInputs inputs(graph, m, config.trunk, size);
  const auto image = [&](const char* name, int64_t channels) {
    return graph.add_input(name, {DType::f32, {1, size.height, size.width, channels}},
                           Rate::picture);
  };
  hint_features(m, image("hint", config.hint_channels.front()), config);
  controls(m, inputs.latent, image("features", config.trunk.model_channels),
           time_embedding(m, inputs.timestep, config.trunk), inputs.context, config);
  return weights_of(graph);
}

}  // namespace drypoint
