#include "models/denoiser.h"

#include "models/controlnet.h"
#include "models/unet.h"

namespace drypoint {

Graph build_denoiser(const ModelConfig& config, const DenoiserShape& shape) {
  Graph graph;
  graph.pictures = shape.latents;
  graph.twins = {{"control_model", "model.diffusion_model"}};
  const Module unet_module(graph, "model.diffusion_model"), control_module(graph, "control_model");
  const Module inputs(graph, "inputs"), sampler(graph, "sampler");

  // Rows of a latent, or of several for each, one after the other.
  const auto latents = [&](int64_t count) {
    return TensorType{DType::f32,
                      {count * shape.latents, config.unet.out_channels, shape.height, shape.width}};
  };
  // Of inputs that pictures may share, whether they do.
  const auto own = [&](int64_t rows) {
    return shape.latents > 1 && rows == shape.latents * shape.prompts;
  };
  const ValueId slots = graph.add_input("slots", latents(shape.slots), Rate::step, true);
  const ValueId step = graph.add_input("step", {DType::i32, {1}}, Rate::step);
  const ValueId timesteps =
      graph.add_input("timesteps", {DType::f32, {shape.max_steps}}, Rate::picture);
  const ValueId context = graph.add_input(
      "context", {DType::f32, {shape.contexts, shape.context_length, config.unet.context_width}},
      Rate::picture, own(shape.contexts));

  const int64_t together = shape.apart ? 1 : shape.prompts;  // runs in one batch
  const ValueId timestep = inputs.node(Select{}, {timesteps, step});
  const ValueId latent = shape.slots > 1 ? inputs.node(Slice{0, shape.latents}, {slots}) : slots;
  ValueId x = to_channels_last(inputs, latent);
  ValueId seen = x;  // by the UNet
  if (is_inpainting(config.unet)) {
    const Shape rest{shape.latents, config.unet.in_channels - config.unet.out_channels,
                     shape.height, shape.width};
    const ValueId masked = graph.add_input("masked", {DType::f32, rest}, Rate::picture, true);
    seen = inputs.node(Concat{-1}, {x, to_channels_last(inputs, masked)});
  }
  if (together > 1) {
    const bool same = seen == x;
    x = inputs.node(Expand{together}, {x});
    seen = same ? x : inputs.node(Expand{together}, {seen});
  }
  const auto row_of_context = [&](int64_t row) {
    return shape.apart ? inputs.node(Slice{row, 1}, {context}) : context;
  };

  std::vector<ValueId> control_tensors;
  ValueId scales = -1;
  if (shape.control) {
    const ValueId hint = graph.add_input(
        "hint",
        {DType::f32,
         {shape.hints, config.control->hint_channels.front(), shape.height * 8, shape.width * 8}},
        Rate::picture, own(shape.hints));
    const ValueId features =
        hint_features(control_module, to_channels_last(inputs, hint), *config.control);
    control_tensors = controls(control_module, x, features,
                               time_embedding(control_module, timestep, config.control->trunk),
                               row_of_context(1), *config.control);
    scales = graph.add_input("control_scales",
                             {DType::f32, {static_cast<int64_t>(control_tensors.size())}},
                             Rate::picture);
    if (shape.expose)
      for (size_t i = 0; i < control_tensors.size(); ++i)
        graph.outputs["control" + std::to_string(i)] =
            to_channels_first(control_module, control_tensors[i]);
  }
  const ValueId embedding = time_embedding(unet_module, timestep, config.unet);
  ValueId eps =
      unet(unet_module, seen, embedding, row_of_context(1), control_tensors, scales, config.unet);
  if (shape.apart) {
    const ValueId negative =
        unet(unet_module, seen, embedding, row_of_context(0), {}, -1, config.unet);
    eps = sampler.node(Concat{0}, {negative, eps});
  }
  if (shape.expose) graph.outputs["eps"] = to_channels_first(unet_module, eps);

  const SamplerUpdate update{.guided = shape.prompts > 1, .noise = shape.noises > 0};
  const int64_t columns = shape.slots * (shape.slots + 2);
  std::vector<ValueId> reads{
      slots, eps,
      graph.add_input("sampler", {DType::f32, {shape.max_steps, columns}}, Rate::picture), step};
  if (update.guided)
    reads.push_back(
        graph.add_input("guidance_scale", {DType::f32, {shape.latents}}, Rate::picture, true));
  if (update.noise)
    reads.push_back(graph.add_input("noise", latents(shape.noises), Rate::picture, true));
  graph.outputs["slots"] = sampler.node(update, reads);
  graph.outputs["step"] = sampler.node(Increment{}, {step});
  return graph;
}

}  // namespace drypoint
