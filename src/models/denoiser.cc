#include "models/denoiser.h"

#include "models/controlnet.h"
#include "models/unet.h"

namespace drypoint {

Graph build_denoiser(const WeightTypes& weights, const DenoiserConfig& config,
                     const DenoiserShape& shape) {
  Graph graph;
  graph.twins = {{"control_model", "model.diffusion_model"}};
  const Module unet_module(graph, weights, "model.diffusion_model");
  const Module control_module(graph, weights, "control_model");
  const Module inputs(graph, weights, "inputs"), sampler(graph, weights, "sampler");

  const int64_t context_width = unet_module.shape(
      unet_module.weight("middle_block.1.transformer_blocks.0.attn2.to_k.weight"))[1];
  const int64_t channels = unet_module.shape(unet_module.weight("input_blocks.0.0.weight"))[1];
  const Shape size{shape.latents, channels, shape.height, shape.width};

  const ValueId latent = graph.add_input("latent", {DType::f32, size}, Rate::step);
  const ValueId step = graph.add_input("step", {DType::i32, {1}}, Rate::step);
  const ValueId timesteps =
      graph.add_input("timesteps", {DType::f32, {shape.max_steps}}, Rate::picture);
  const ValueId context = graph.add_input(
      "context", {DType::f32, {shape.contexts, shape.context_length, context_width}},
      Rate::picture);

  const int64_t together = shape.apart ? 1 : shape.prompts;  // runs in one batch
  const ValueId timestep = inputs.node(Select{}, {timesteps, step});
  ValueId x = to_channels_last(inputs, latent);
  if (together > 1) x = inputs.node(Expand{together}, {x});
  const auto row_of_context = [&](int64_t row) {
    return shape.apart ? inputs.node(Slice{row, 1}, {context}) : context;
  };

  std::vector<ValueId> control_tensors;
  ValueId scales = -1;
  if (shape.control) {
    const ValueId hint = graph.add_input(
        "hint", {DType::f32, {shape.hints, 3, shape.height * 8, shape.width * 8}}, Rate::picture);
    const ValueId features = hint_features(control_module, to_channels_last(inputs, hint));
    control_tensors = controls(control_module, x, features,
                               time_embedding(control_module, timestep), row_of_context(1), config);
    scales = graph.add_input("control_scales",
                             {DType::f32, {static_cast<int64_t>(control_tensors.size())}},
                             Rate::picture);
    if (shape.expose)
      for (size_t i = 0; i < control_tensors.size(); ++i)
        graph.outputs["control" + std::to_string(i)] =
            to_channels_first(control_module, control_tensors[i]);
  }
  const ValueId embedding = time_embedding(unet_module, timestep);
  ValueId eps = unet(unet_module, x, embedding, row_of_context(1), control_tensors, scales, config);
  if (shape.apart) {
    const ValueId negative = unet(unet_module, x, embedding, row_of_context(0), {}, -1, config);
    eps = sampler.node(Concat{0}, {negative, eps});
  }
  if (shape.expose) graph.outputs["eps"] = to_channels_first(unet_module, eps);

  const ValueId coefficients =
      graph.add_input("coefficients", {DType::f32, {shape.max_steps, 6}}, Rate::picture);
  std::vector<ValueId> update{latent, eps, coefficients, step};
  if (shape.fresh_noise) update.push_back(graph.add_input("noise", {DType::f32, size}, Rate::step));
  graph.outputs["latent"] = sampler.node(DdimUpdate{shape.fresh_noise}, update);
  graph.outputs["step"] = sampler.node(Increment{}, {step});
  return graph;
}

}  // namespace drypoint
