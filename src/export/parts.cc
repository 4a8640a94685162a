#include "export/parts.h"

#include <fmt/format.h>

#include "base/error.h"
#include "models/clip.h"
#include "models/controlnet.h"
#include "models/detect.h"
#include "models/unet.h"
#include "models/vae.h"

namespace drypoint {
namespace {

class StepGraphs {
 public:
  StepGraphs(const ModelConfig& config, const LatentSize& size) : config_(config), size_(size) {}

  Graph controlnet() const {
    Graph graph;
    const Module m(graph, "control_model");
    const auto control = controls(graph, StepInputs(graph, m, config_.controlnet(0).trunk, size_));
    for (size_t i = 0; i < control.size(); ++i)
      graph.outputs[fmt::format("control{}", i)] = to_channels_first(m, control[i]);
    return graph;
  }

  /// With the tensors that `controlnet` gives as inputs, if there is one.
  Graph unet(const Graph* controlnet) const {
    Graph graph;
    const Module m(graph, "model.diffusion_model");
    const StepInputs inputs(graph, m, config_.unet, size_);
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
    const StepInputs inputs(graph, Module(graph, "model.diffusion_model"), config_.unet, size_);
    add_noise(graph, inputs, controls(graph, inputs));
    return graph;
  }

 private:
  std::vector<ValueId> controls(Graph& graph, const StepInputs& inputs) const {
    const Module m(graph, "control_model");
    const ValueId hint = graph.add_input(
        "hint", {DType::f32, {size_.batch, 3, 8 * size_.height, 8 * size_.width}}, Rate::picture);
    const ControlnetConfig& config = config_.controlnet(0);
    return drypoint::controls(m, inputs.latent, hint_features(m, to_channels_last(m, hint), config),
                              time_embedding(m, inputs.timestep, config.trunk), inputs.context,
                              config);
  }

  void add_noise(Graph& graph, const StepInputs& inputs,
                 const std::vector<ValueId>& controls) const {
    const Module m(graph, "model.diffusion_model");
    UnetControls by;
    if (!controls.empty()) {
      by.controlnets.push_back({controls, 0});
      by.scales = graph.add_input(
          "control_scales", {DType::f32, {static_cast<int64_t>(controls.size())}}, Rate::picture);
    }
    graph.outputs["eps"] = to_channels_first(
        m, drypoint::unet(m, inputs.latent,
                          time_embedding(m, inputs.timestep, config_.unet, inputs.guidance),
                          inputs.context, by, config_.unet));
  }

  const ModelConfig& config_;
  LatentSize size_;
};

/// Names for the dimensions of a step's inputs and outputs.
DimensionNames step_dimensions(const Graph& graph, const LatentSize& size) {
  const std::vector<std::string> latent{"batch", "", "height", "width"};
  DimensionNames names{{"latent", latent},
                       {"eps", latent},
                       {"timestep", {""}},
                       {"timestep_cond", {"", ""}},
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

ExportPart step_part(const std::string& name, Graph graph, const LatentSize& size) {
  DimensionNames dimensions = step_dimensions(graph, size);
  return {name, std::move(graph), std::move(dimensions)};
}

}  // namespace

std::vector<ExportPart> export_parts(const Checkpoint& checkpoint, const LatentSize& size) {
  const ModelConfig config = detect(checkpoint.tensors);
  if (config.controls.size() > 1)
    fail(ErrorKind::unsupported, "control: {} ControlNets, expected one for an export",
         config.controls.size());
  const auto* net =
      config.controls.empty() ? nullptr : std::get_if<ControlnetConfig>(&config.controls[0]);
  if (!config.controls.empty() && (!net || net->pooled))
    fail(ErrorKind::unsupported,
         "{}: a {} is not exported, expected a ControlNet whose tensors count as they are",
         checkpoint.controlnets.at(0).source,
         net ? "ControlNet with averaged tensors" : "T2I-Adapter");
  if (config.vae.is_tiny)
    fail(ErrorKind::unsupported, "{}: a tiny autoencoder is not exported, expected a VAE",
         checkpoint.sources.at(Part::vae));
  std::vector<ExportPart> parts;
  parts.push_back({"text_encoder",
                   build_clip(config.text, {.prompts = size.batch}),
                   {{"ids", {"batch", ""}}, {"embedding", {"batch", "", ""}}}});
  const StepGraphs step(config, size);
  if (!config.controls.empty()) {
    const Graph controlnet = step.controlnet();
    parts.push_back(step_part("controlnet", controlnet, size));
    parts.push_back(step_part("unet", step.unet(&controlnet), size));
    // The ControlNet sees some channels of what an inpainting UNet sees.
    if (!is_inpainting(config.unet)) parts.push_back(step_part("denoiser", step.denoiser(), size));
  } else {
    parts.push_back(step_part("unet", step.unet(nullptr), size));
  }
  const std::vector<std::string> latent{"batch", "", "height", "width"},
      image{"batch", "", "picture_height", "picture_width"};
  parts.push_back({"vae_decoder",
                   build_vae_decoder(config.vae, size.batch, size.height, size.width),
                   {{"latent", latent}, {"image", image}}});
  if (config.vae.has_encoder)
    parts.push_back({"vae_encoder",
                     build_vae_encoder(config.vae, size.batch, 8 * size.height, 8 * size.width),
                     {{"image", image}, {"moments", latent}}});
  return parts;
}

}  // namespace drypoint
