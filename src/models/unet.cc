#include "models/unet.h"

#include "models/step_inputs.h"

namespace drypoint {

ValueId unet(const Module& m, ValueId x, ValueId embedding, ValueId context,
             const UnetControls& controls, const UnetConfig& config) {
  const auto controlled = [&](ValueId h, size_t i) {
    for (const auto& [tensors, first_scale] : controls.controlnets)
      h = m.node(AddScaled{first_scale + static_cast<int64_t>(i)},
                 {h, tensors[i], controls.scales});
    return h;
  };

  std::vector<ValueId> skips;
  ValueId h = input_blocks(m, x, embedding, context, config, [&](int64_t number, ValueId result) {
    const int64_t level = number / (config.res_blocks + 1);
    if (number % (config.res_blocks + 1) == config.res_blocks)  // its last block
      for (const auto& [features, first_scale] : controls.adapters)
        result = m.node(AddScaled{first_scale + level},
                        {result, features[static_cast<size_t>(level)], controls.scales});
    skips.push_back(result);
    return result;
  });
  h = middle_block(m / "middle_block", h, embedding, context, config);
  h = controlled(h, skips.size());

  int64_t number = 0;
  for (size_t i = config.levels.size(); i-- > 0;) {
    const UnetConfig::Level& level = config.levels[i];
    for (int64_t block = 0; block <= config.res_blocks; ++block) {
      const Module out = m / "output_blocks" / number++;
      const size_t last = skips.size() - 1;
      h = out.node(Concat{-1}, {h, controlled(skips[last], last)});
      skips.pop_back();
      h = res_block(out / "0", h, embedding, level.channels, config);
      if (level.depth > 0) h = spatial_transformer(out / "1", h, context, level, config);
      if (i == 0 || block < config.res_blocks) continue;
      // As large as the next skip connection, which is odd where the encoder halved an odd size.
      const Module enlarge = out / (level.depth > 0 ? 2 : 1);
      const Shape next = m.shape(skips.back());
      h = conv2d(enlarge / "conv", upsample(enlarge, h, next[1], next[2]), level.channels);
    }
  }
  h = silu(m / "out.1", group_norm(m / "out.0", h, config.groups, 1e-5f));
  return conv2d(m / "out.2", h, config.out_channels);
}

std::vector<TensorSpec> tensors_of(const UnetConfig& config) {
  Graph graph;
  const Module m(graph, "model.diffusion_model");
  const StepInputs inputs(graph, m, config, smallest_latent(config));
  const ValueId embedding = time_embedding(m, inputs.timestep, config, inputs.guidance);
  unet(m, inputs.latent, embedding, inputs.context, {}, config);
  return weights_of(graph);
}

}  // namespace drypoint
