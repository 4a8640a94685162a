#include "models/denoiser.h"

#include "models/controlnet.h"
#include "models/unet.h"

namespace drypoint {
namespace {

/// Composable Diffusion (https://arxiv.org/abs/2206.01714): the positive predictions, [prompts *
/// latents, ...] with the negative's, become one, u + sum of w_i (c_i - u), -> [2 * latents, ...].
ValueId joined_parts(Graph& graph, const Module& m, ValueId eps, const DenoiserShape& shape) {
  const ValueId weights =
      graph.add_input("part_weights", {DType::f32, {shape.prompts}}, Rate::picture);
  const auto of_prompt = [&](int64_t prompt) {
    return m.node(Slice{prompt * shape.latents, shape.latents}, {eps});
  };
  const ValueId negative = of_prompt(0);
  ValueId joined = m.node(AddScaled{shape.prompts - 1}, {negative, negative, weights});
  for (int64_t part = 0; part + 1 < shape.prompts; ++part)
    joined = m.node(AddScaled{part}, {joined, of_prompt(part + 1), weights});
  return m.node(Concat{0}, {negative, joined});
}

}  // namespace

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
  const bool hint_each = shape.latents > 1 && shape.hints == shape.latents;
  const ValueId slots = graph.add_input("slots", latents(shape.slots), Rate::step, true);
  const ValueId step = graph.add_input("step", {DType::i32, {1}}, Rate::step);
  const ValueId timesteps =
      graph.add_input("timesteps", {DType::f32, {shape.max_steps}}, Rate::picture);
  const auto context_input = [&](const char* name, int64_t rows, int64_t length) {
    return graph.add_input(name, {DType::f32, {rows, length, config.unet.context_width}},
                           Rate::picture, own(rows));
  };
  const ValueId context = context_input("context", shape.context_rows(), shape.context_length);

  const ValueId timestep = inputs.node(Select{}, {timesteps, step});
  const ValueId latent = shape.slots > 1 ? inputs.node(Slice{0, shape.latents}, {slots}) : slots;
  const ValueId x = to_channels_last(inputs, latent);
  ValueId seen = x;  // by the UNet
  if (is_inpainting(config.unet)) {
    const Shape rest{shape.latents, config.unet.in_channels - config.unet.out_channels,
                     shape.height, shape.width};
    const ValueId masked = graph.add_input("masked", {DType::f32, rest}, Rate::picture, true);
    seen = inputs.node(Concat{-1}, {x, to_channels_last(inputs, masked)});
  }

  ValueId features = -1, control_embedding = -1, scales = -1;
  if (shape.control) {
    const ValueId hint = graph.add_input(
        "hint",
        {DType::f32,
         {shape.hints, config.control->hint_channels.front(), shape.height * 8, shape.width * 8}},
        Rate::picture, hint_each || own(shape.hints));
    features = hint_features(control_module, to_channels_last(inputs, hint), *config.control);
    control_embedding = time_embedding(control_module, timestep, config.control->trunk);
    scales =
        graph.add_input("control_scales", {DType::f32, {config.unet.controls()}}, Rate::picture);
  }
  const ValueId embedding = time_embedding(unet_module, timestep, config.unet);

  /// Prompts that run in one batch.
  const auto predict = [&](int64_t prompts, ValueId text, bool controlled, bool expose) {
    const auto expanded = [&](ValueId value) {
      return prompts > 1 ? inputs.node(Expand{prompts}, {value}) : value;
    };
    const ValueId rows = expanded(x);
    std::vector<ValueId> tensors;
    if (controlled)
      tensors = controls(control_module, rows, hint_each ? expanded(features) : features,
                         control_embedding, text, *config.control);
    for (size_t i = 0; expose && i < tensors.size(); ++i)
      graph.outputs["control" + std::to_string(i)] = to_channels_first(control_module, tensors[i]);
    return unet(unet_module, seen == x ? rows : expanded(seen), embedding, text, tensors,
                controlled ? scales : -1, config.unet);
  };
  ValueId eps = -1;
  if (shape.is_split()) {
    const int64_t parts = shape.prompts - 1;
    const bool together = shape.negative_length == 0;
    const int64_t of_prompt = shape.contexts / shape.prompts;  // rows
    const auto part = [&](int64_t begin, int64_t count) {
      return inputs.node(Slice{begin * of_prompt, count * of_prompt}, {context});
    };
    eps = predict(parts, together ? part(1, parts) : context, shape.control, shape.expose);
    const ValueId other =
        together ? part(0, 1) : context_input("negative_context", 1, shape.negative_length);
    eps = sampler.node(Concat{0}, {predict(1, other, shape.control && !shape.apart, false), eps});
  } else {
    eps = predict(shape.prompts, context, shape.control, shape.expose);
  }
  if (shape.expose) graph.outputs["eps"] = to_channels_first(unet_module, eps);
  if (shape.prompts > 2) eps = joined_parts(graph, sampler, eps, shape);

  // What a mask keeps: of the prediction before the sampler sees it, of the latent after it.
  const auto keep = [&](const Blend& blend, ValueId value, ValueId other, const char* table) {
    const ValueId rows = graph.add_input(table, {DType::f32, {shape.max_steps, 3}}, Rate::picture);
    return sampler.node(
        blend, {value, graph.inputs.at("mask"), graph.inputs.at("known"), other, rows, step});
  };
  if (shape.masked) {
    graph.add_input("mask", {DType::f32, {shape.latents, 1, shape.height, shape.width}},
                    Rate::picture, true);
    graph.add_input("known", latents(1), Rate::picture, true);
    eps = keep({.channels_last = true}, eps, slots, "kept_output");
  }

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
  ValueId next = sampler.node(update, reads);
  if (shape.masked)
    next = keep({}, next, graph.add_input("known_noise", latents(1), Rate::picture, true),
                "kept_latent");
  graph.outputs["slots"] = next;
  graph.outputs["step"] = sampler.node(Increment{}, {step});
  return graph;
}

}  // namespace drypoint
