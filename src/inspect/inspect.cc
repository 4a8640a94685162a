#include "drypoint/inspect.h"

#include "base/error.h"
#include "checkpoint/prediction.h"
#include "inspect/module_tree.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/complete.h"
#include "models/controlnet.h"
#include "models/detect.h"
#include "models/family.h"
#include "models/unet.h"
#include "models/vae.h"

namespace drypoint {
namespace {

using Sizes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

Sizes listed(const UnetConfig& config) {
  std::vector<int64_t> channels, depths, heads;
  for (const UnetConfig::Level& level : config.levels) {
    channels.push_back(level.channels);
    depths.push_back(level.depth);
    heads.push_back(level.heads);
  }
  return {{"in_channels", {config.in_channels}},
          {"out_channels", {config.out_channels}},
          {"channels", channels},
          {"res_blocks", {config.res_blocks}},
          {"transformer_depth", depths},
          {"middle_transformer_depth", {config.middle.depth}},
          {"context_width", {config.context_width}},
          {"time_width", {config.time_width}},
          {"heads", heads},
          {"groups", {config.groups}},
          {"linear_projections", {config.linear_projections}}};
}

Sizes listed(const ControlnetConfig& config) {
  Sizes result = listed(config.trunk);
  std::erase_if(result, [](const auto& size) { return size.first == "out_channels"; });
  result.emplace_back("hint_channels", config.hint_channels);
  return result;
}

Sizes listed(const T2iAdapterConfig& config) {
  return {{"hint_channels", {config.hint_channels}},
          {"channels", config.channels},
          {"res_blocks", {config.res_blocks}}};
}

Sizes listed(const ControlConfig& config) {
  return std::visit([](const auto& one) { return listed(one); }, config);
}

Sizes listed(const VaeConfig& config) {
  return {
      {"picture_channels", {config.image_channels}}, {"latent_channels", {config.latent_channels}},
      {"base_channels", {config.base_channels}},     {"channels", config.channels},
      {"res_blocks", {config.res_blocks}},           {"groups", {config.groups}}};
}

Sizes listed(const ClipConfig& config) {
  return {{"vocabulary", {config.vocabulary}}, {"positions", {config.positions}},
          {"width", {config.width}},           {"layers", {config.layers}},
          {"heads", {config.heads}},           {"mlp_width", {config.mlp_width}}};
}

// Sizes and completeness; what cannot even be sized is a problem too.
template <class Read>
void examine(const Checkpoint& checkpoint, Part which, Read read, InspectedPart& part) {
  try {
    const auto config = read(checkpoint.tensors);
    part.sizes = listed(config);
    part.problems = problems(checkpoint.tensors, tensors_of(config));
    if (part.problems.empty()) check_part(checkpoint, which);
  } catch (const Error& error) {
    part.problems.push_back(error.what());
  }
}

/// What the whole is, by its first part, the UNet or else the ControlNet.
void tell_family(const Checkpoint& checkpoint, const std::filesystem::path& path,
                 CheckpointInfo& info) {
  const NamedTensors& tensors = checkpoint.tensors;
  const bool has_unet = checkpoint.has(Part::unet);
  if (!has_unet && !checkpoint.has(Part::control)) return;
  try {
    if (!has_unet && std::holds_alternative<T2iAdapterConfig>(detect_control(tensors))) return;
    const UnetConfig trunk = has_unet ? detect_unet(tensors) : detect_controlnet(tensors).trunk;
    if (const Family* family = family_of(trunk)) info.family = family->title;
    if (!has_unet) return;
    const SaidPrediction said = said_prediction(tensors, path.string());
    info.prediction =
        name(said.prediction == Prediction::automatic ? guessed_prediction(tensors, trunk)
                                                      : said.prediction);
    info.zero_terminal_snr = said.zero_terminal_snr;
  } catch (const Error& error) {
    std::vector<std::string>& problems = info.parts.front().problems;
    if (problems.empty()) problems.emplace_back(error.what());
  }
}

CheckpointInfo describe(const std::filesystem::path& path) {
  const Checkpoint checkpoint = load_checkpoint(path);
  const NamedTensors& tensors = checkpoint.tensors;
  CheckpointInfo info;
  info.layout = checkpoint.layout;
  info.metadata = {tensors.metadata.begin(), tensors.metadata.end()};
  info.has_schedule = tensors.has("alphas_cumprod");
  info.difference_control = holds_differences(checkpoint);
  info.has_tokenizer = checkpoint.tokenizer.has_value();
  info.other_tensors = static_cast<int64_t>(tensors.tensors.size());
  for (const auto& [part, prefix, part_name] : part_names) {
    if (!checkpoint.has(part)) {
      if (part != Part::control) info.missing_parts.emplace_back(part_name);
      continue;
    }
    InspectedPart inspected{.name = std::string(part_name), .source = checkpoint.sources.at(part)};
    inspected.modules = module_tree(tensors, prefix);
    inspected.tensors = inspected.modules.tensors;
    inspected.parameters = inspected.modules.parameters;
    inspected.bytes = inspected.modules.bytes;
    inspected.dtypes = inspected.modules.dtypes;
    switch (part) {
      case Part::unet: examine(checkpoint, part, detect_unet, inspected); break;
      case Part::control: examine(checkpoint, part, detect_control, inspected); break;
      case Part::vae: examine(checkpoint, part, detect_vae, inspected); break;
      case Part::text: examine(checkpoint, part, detect_clip, inspected); break;
    }
    info.other_tensors -= inspected.tensors;
    info.parts.push_back(std::move(inspected));
  }
  tell_family(checkpoint, path, info);
  return info;
}

}  // namespace

CheckpointInfo inspect(const std::filesystem::path& path) {
  return at_border(path.string(), [&] { return describe(path); });
}

}  // namespace drypoint
