#include "models/denoiser.h"

#include "checkpoint/parts.h"
#include "models/controlnet.h"
#include "models/t2i_adapter.h"
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

/// The first ControlNet has the UNet's encoder for a twin, each two that follow each other. One
/// that steers twice does the same work twice in one module and is no twin.
std::vector<std::pair<std::string, std::string>> twins(const ModelConfig& config,
                                                       const std::vector<ControlShape>& controls) {
  std::vector<std::string> modules;
  for (const ControlShape& control : controls) {
    if (!std::holds_alternative<ControlnetConfig>(config.controls.at(control.net))) continue;
    const auto is_it = [&](const ControlShape& other) { return other.net == control.net; };
    if (std::ranges::count_if(controls, is_it) == 1) modules.push_back(control_module(control.net));
  }
  if (!modules.empty()) modules.insert(modules.begin() + 1, "model.diffusion_model");
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i + 1 < modules.size(); i += 2) pairs.emplace_back(modules[i], modules[i + 1]);
  return pairs;
}

/// A ControlNet or T2I-Adapter with its hint.
struct Steering {
  Module module;
  const ControlConfig& config;
  ControlShape shape;
  std::vector<ValueId> features;  // of the hint: one, or a T2I-Adapter's for each level
  std::vector<ValueId> regions;   // for each level, if `in_region`
  ValueId embedding;              // of a ControlNet
  int64_t first_scale;
};

/// What of a control tensor [N, h, w, C] arrives at the UNet.
ValueId arriving(const Steering& by, ValueId tensor) {
  const Module& m = by.module;
  if (by.shape.pooled) tensor = m.node(SpatialMean{}, {tensor});
  for (const ValueId region : by.regions)
    if (m.shape(region)[1] == m.shape(tensor)[1] && m.shape(region)[2] == m.shape(tensor)[2])
      return m.node(MultiplyPlane{}, {tensor, region});
  return tensor;
}

}  // namespace

std::string hint_input(size_t control) {
  return control == 0 ? "hint" : "hint" + std::to_string(control);
}

std::string region_input(size_t control, size_t level) {
  return "region" + std::to_string(control) + "_" + std::to_string(level);
}

Graph build_denoiser(const ModelConfig& config, const DenoiserShape& shape) {
  Graph graph;
  graph.pictures = shape.latents;
  graph.twins = twins(config, shape.controls);
  const Module unet_module(graph, "model.diffusion_model");
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

  std::vector<Steering> steerings;
  ValueId scales = -1;
  const auto units = static_cast<int64_t>(shape.controls.size());
  for (const ControlShape& control : shape.controls) {
    const size_t number = steerings.size();
    const ControlConfig& net = config.controls.at(control.net);
    const Module module(graph, control_module(control.net));
    const auto hint_like = [&](const std::string& name, TensorType type) {
      return graph.add_input(name, std::move(type), Rate::picture, hint_each || own(shape.hints));
    };
    const auto planes = [&](const std::string& name, int64_t channels, int64_t height,
                            int64_t width) {
      return to_channels_last(
          inputs, hint_like(name, {DType::f32, {shape.hints, channels, height, width}}));
    };
    const auto hint_of = [&](int64_t channels, int64_t height, int64_t width) {
      const std::string name = hint_input(number);
      if (!shape.pixels) return planes(name, channels, height, width);
      const Shape pixels{shape.hints, height, width, channels + 1};
      return inputs.node(FromPixels{}, {hint_like(name, {DType::u8, pixels})});
    };
    const ValueId hint = hint_of(hint_channels(net), 8 * shape.height, 8 * shape.width);
    Steering& by = steerings.emplace_back(Steering{
        module, net, control, {}, {}, -1, static_cast<int64_t>(number) * config.unet.controls()});
    if (const auto* adapter = std::get_if<T2iAdapterConfig>(&net)) {
      by.features = adapter_features(module, hint, *adapter);
    } else {
      const auto& controlnet = std::get<ControlnetConfig>(net);
      by.features = {hint_features(module, hint, controlnet)};
      by.embedding = time_embedding(module, timestep, controlnet.trunk);
    }
    if (!control.in_region) continue;
    int64_t height = shape.height, width = shape.width;
    for (size_t level = 0; level < config.unet.levels.size(); ++level) {
      by.regions.push_back(planes(region_input(number, level), 1, height, width));
      height = (height + 1) / 2, width = (width + 1) / 2;
    }
  }
  if (units > 0)
    scales = graph.add_input("control_scales", {DType::f32, {units * config.unet.controls()}},
                             Rate::picture);
  ValueId guidance = -1;
  if (config.unet.guidance_width > 0)
    guidance = inputs.node(
        Select{}, {graph.add_input("guidance_embedding",
                                   {DType::f32, {shape.max_steps, config.unet.guidance_width}},
                                   Rate::picture),
                   step});
  const ValueId embedding = time_embedding(unet_module, timestep, config.unet, guidance);

  /// Prompts that run in one batch.
  const auto predict = [&](int64_t prompts, ValueId text, bool negative_alone, bool expose) {
    const auto expanded = [&](ValueId value) {
      return prompts > 1 ? inputs.node(Expand{prompts}, {value}) : value;
    };
    const ValueId rows = expanded(x);
    // Of hints that pictures share, for each of them and each prompt.
    const auto of_rows = [&](ValueId value) {
      if (shape.latents > 1 && shape.hints == 1)
        value = inputs.node(Expand{shape.latents}, {value});
      return shape.hints > shape.latents ? value : expanded(value);
    };
    UnetControls to{.scales = scales};
    for (const Steering& by : steerings) {
      if (negative_alone && by.shape.positive_only) continue;
      ControlTensors all{{}, by.first_scale};
      const auto* controlnet = std::get_if<ControlnetConfig>(&by.config);
      if (controlnet) {
        const ValueId features = by.features[0];
        all.tensors = controls(by.module, rows, hint_each ? expanded(features) : features,
                               by.embedding, text, *controlnet);
        for (ValueId& tensor : all.tensors) tensor = arriving(by, tensor);
        to.controlnets.push_back(std::move(all));
      } else {
        for (const ValueId features : by.features)
          all.tensors.push_back(of_rows(arriving(by, features)));
        to.adapters.push_back(std::move(all));
      }
    }
    if (expose && !to.controlnets.empty())
      for (size_t i = 0; i < to.controlnets[0].tensors.size(); ++i)
        graph.outputs["control" + std::to_string(i)] =
            to_channels_first(unet_module, to.controlnets[0].tensors[i]);
    return unet(unet_module, seen == x ? rows : expanded(seen), embedding, text, to, config.unet);
  };
  ValueId eps = -1;
  if (shape.is_split()) {
    const int64_t parts = shape.prompts - 1;
    const bool together = shape.negative_length == 0;
    const int64_t of_prompt = shape.contexts / shape.prompts;  // rows
    const auto part = [&](int64_t begin, int64_t count) {
      return inputs.node(Slice{begin * of_prompt, count * of_prompt}, {context});
    };
    eps = predict(parts, together ? part(1, parts) : context, false, shape.expose);
    const ValueId other =
        together ? part(0, 1) : context_input("negative_context", 1, shape.negative_length);
    eps = sampler.node(Concat{0}, {predict(1, other, true, false), eps});
  } else {
    eps = predict(shape.prompts, context, false, shape.expose);
  }
  if (shape.expose) graph.outputs["eps"] = to_channels_first(unet_module, eps);
  if (shape.prompts > 2) eps = joined_parts(graph, sampler, eps, shape);

  const auto of_each = [&](const char* name) {
    return graph.add_input(name, {DType::f32, {shape.latents}}, Rate::picture, true);
  };
  bool guided = shape.prompts > 1;
  if (guided && shape.rescaled) {
    eps = sampler.node(RescaleGuidance{},
                       {eps, of_each("guidance_scale"), of_each("guidance_rescale")});
    guided = false;
  }

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
    if (shape.soft) {
      std::vector<ValueId> reads{
          eps,
          slots,
          graph.inputs.at("mask"),
          graph.inputs.at("known"),
          graph.add_input("soft_rows", {DType::f32, {shape.max_steps, SoftRow::size}},
                          Rate::picture),
          step};
      if (guided) reads.push_back(of_each("guidance_scale"));
      eps = sampler.node(SoftBlend{guided}, reads);
      guided = false;
    } else {
      eps = keep({.channels_last = true}, eps, slots, "kept_output");
    }
  }

  if (shape.foretells) graph.outputs["prediction"] = to_channels_first(sampler, eps);
  const SamplerUpdate update{.guided = guided, .noise = shape.noises > 0};
  const int64_t columns = shape.slots * (shape.slots + 2);
  std::vector<ValueId> reads{
      slots, eps,
      graph.add_input("sampler", {DType::f32, {shape.max_steps, columns}}, Rate::picture), step};
  if (update.guided) reads.push_back(of_each("guidance_scale"));
  if (update.noise)
    reads.push_back(graph.add_input("noise", latents(shape.noises), Rate::picture, true));
  ValueId next = sampler.node(update, reads);
  if (shape.masked && !shape.soft)
    next = keep({}, next, graph.add_input("known_noise", latents(1), Rate::picture, true),
                "kept_latent");
  graph.outputs["slots"] = next;
  graph.outputs["step"] = sampler.node(Increment{}, {step});
  return graph;
}

}  // namespace drypoint
