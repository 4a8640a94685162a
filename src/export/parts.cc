#include "export/parts.h"

#include <fmt/format.h>

#include "checkpoint/sizes.h"
#include "models/clip.h"
#include "models/controlnet.h"
#include "models/unet.h"
#include "models/vae.h"

namespace drypoint {
namespace {

/// What both networks of a step read.
struct StepInputs {
  ValueId latent, timestep, context;

  /// `m` is one of them.
  StepInputs(Graph& graph, const Module& m, const ExportSize& size) {
    const int64_t channels = m.shape(m.weight("input_blocks.0.0.weight"))[1];
    const int64_t context_width =
        m.shape(m.weight("middle_block.1.transformer_blocks.0.attn2.to_k.weight"))[1];
    const ValueId input = graph.add_input(
        "latent", {DType::f32, {size.batch, channels, size.height, size.width}}, Rate::step);
    latent = to_channels_last(m, input);
    timestep = graph.add_input("timestep", {DType::f32, {1}}, Rate::step);
    context =
        graph.add_input("context", {DType::f32, {size.batch, 77, context_width}}, Rate::picture);
  }
};

class StepGraphs {
 public:
  StepGraphs(const WeightTypes& weights, const DenoiserConfig& config, const ExportSize& size)
      : weights_(weights), config_(config), size_(size) {}

  Graph controlnet() const {
    Graph graph;
    const Module m(graph, weights_, "control_model");
    const auto control = controls(graph, StepInputs(graph, m, size_));
    for (size_t i = 0; i < control.size(); ++i)
      graph.outputs[fmt::format("control{}", i)] = to_channels_first(m, control[i]);
    return graph;
  }

  /// With the tensors that `controlnet` gives as inputs, if there is one.
  Graph unet(const Graph* controlnet) const {
    Graph graph;
    const Module m(graph, weights_, "model.diffusion_model");
    const StepInputs inputs(graph, m, size_);
    std::vector<ValueId> control;
    for (size_t i = 0; controlnet && i < controlnet->outputs.size(); ++i) {
      const std::string name = fmt::format("control{}", i);
      const TensorType& type = (*controlnet)[controlnet->outputs.at(name)].type;
      control.push_back(to_channels_last(m, graph.add_input(name, type, Rate::step)));
    }
    add_noise(graph, inputs, control);
    return graph;
  }

  Graph denoiser() const {
    Graph graph;
    const StepInputs inputs(graph, Module(graph, weights_, "model.diffusion_model"), size_);
    add_noise(graph, inputs, controls(graph, inputs));
    return graph;
  }

 private:
  std::vector<ValueId> controls(Graph& graph, const StepInputs& inputs) const {
    const Module m(graph, weights_, "control_model");
    const ValueId hint = graph.add_input(
        "hint", {DType::f32, {size_.batch, 3, 8 * size_.height, 8 * size_.width}}, Rate::picture);
    return drypoint::controls(m, inputs.latent, hint_features(m, to_channels_last(m, hint)),
                              time_embedding(m, inputs.timestep), inputs.context, config_);
  }

  void add_noise(Graph& graph, const StepInputs& inputs,
                 const std::vector<ValueId>& controls) const {
    const Module m(graph, weights_, "model.diffusion_model");
    ValueId scales = -1;
    if (!controls.empty())
      scales = graph.add_input(
          "control_scales", {DType::f32, {static_cast<int64_t>(controls.size())}}, Rate::picture);
    graph.outputs["eps"] =
        to_channels_first(m, drypoint::unet(m, inputs.latent, time_embedding(m, inputs.timestep),
                                            inputs.context, controls, scales, config_));
  }

  const WeightTypes& weights_;
  DenoiserConfig config_;
  ExportSize size_;
};

/// Names for the dimensions of a step's inputs and outputs.
DimensionNames step_dimensions(const Graph& graph, const ExportSize& size) {
  const std::vector<std::string> latent{"batch", "", "height", "width"};
  DimensionNames names{{"latent", latent},
                       {"eps", latent},
                       {"timestep", {""}},
                       {"context", {"batch", "length", ""}},
                       {"hint", {"batch", "", "picture_height", "picture_width"}},
                       {"control_scales", {""}}};
  for (const auto* values : {&graph.inputs, &graph.outputs})
    for (const auto& [name, id] : *values) {
      if (names.contains(name)) continue;
      const Shape& shape = graph[id].type.shape;  // a control: the latent's size, or a part of it
      const auto part = [&](const std::string& side, int64_t whole, int64_t here) {
        return whole == here ? side : fmt::format("{}_by_{}", side, whole / here);
      };
      names[name] = {"batch", "", part("height", size.height, shape[2]),
                     part("width", size.width, shape[3])};
    }
  return names;
}

ExportPart step_part(const std::string& name, Graph graph, const ExportSize& size) {
  DimensionNames dimensions = step_dimensions(graph, size);
  return {name, std::move(graph), std::move(dimensions)};
}

}  // namespace

std::vector<ExportPart> export_parts(const Checkpoint& checkpoint, const ExportSize& size) {
  const NamedTensors& tensors = checkpoint.tensors;
  const ClipSizes text = read_clip_sizes(tensors);
  const UnetSizes unet = read_unet_sizes(tensors);
  const VaeSizes vae = read_vae_sizes(tensors);
  WeightTypes weights;
  const auto add = [&](const std::vector<TensorSpec>& specs) {
    for (const auto& [name, shape] : specs) weights[name] = {DType::f32, shape};
  };
  add(tensors_of(text));
  add(tensors_of(unet));
  add(tensors_of(vae));

  std::vector<ExportPart> parts;
  parts.push_back({"text_encoder",
                   build_clip(weights, {text.heads}, size.batch, text.positions),
                   {{"ids", {"batch", ""}}, {"embedding", {"batch", "", ""}}}});
  const StepGraphs step(weights, {unet.heads, unet.groups}, size);
  if (checkpoint.has(Part::control)) {
    add(tensors_of(read_controlnet_sizes(tensors)));
    const Graph controlnet = step.controlnet();
    parts.push_back(step_part("controlnet", controlnet, size));
    parts.push_back(step_part("unet", step.unet(&controlnet), size));
    parts.push_back(step_part("denoiser", step.denoiser(), size));
  } else {
    parts.push_back(step_part("unet", step.unet(nullptr), size));
  }
  const std::vector<std::string> latent{"batch", "", "height", "width"},
      image{"batch", "", "picture_height", "picture_width"};
  parts.push_back({"vae_decoder",
                   build_vae_decoder(weights, size.batch, size.height, size.width, {vae.groups}),
                   {{"latent", latent}, {"image", image}}});
  parts.push_back(
      {"vae_encoder",
       build_vae_encoder(weights, size.batch, 8 * size.height, 8 * size.width, {vae.groups}),
       {{"image", image}, {"moments", latent}}});
  return parts;
}

}  // namespace drypoint
