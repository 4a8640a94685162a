#include "drypoint/inspect.h"

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/sizes.h"
#include "inspect/module_tree.h"

namespace drypoint {
namespace {

using Sizes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

Sizes listed(const UnetSizes& sizes) {
  return {{"in_channels", {sizes.in_channels}},
          {"out_channels", {sizes.out_channels}},
          {"channels", sizes.channels},
          {"attention", {sizes.attention.begin(), sizes.attention.end()}},
          {"res_blocks", {sizes.res_blocks}},
          {"transformer_depth", {sizes.transformer_depth}},
          {"context_width", {sizes.context_width}},
          {"time_width", {sizes.time_width}},
          {"heads", {sizes.heads}},
          {"groups", {sizes.groups}}};
}

Sizes listed(const ControlnetSizes& sizes) {
  Sizes result = listed(sizes.trunk);
  std::erase_if(result, [](const auto& size) { return size.first == "out_channels"; });
  result.emplace_back("hint_channels", sizes.hint_channels);
  return result;
}

Sizes listed(const VaeSizes& sizes) {
  return {{"picture_channels", {sizes.picture_channels}},
          {"latent_channels", {sizes.latent_channels}},
          {"base_channels", {sizes.base_channels}},
          {"channels", sizes.channels},
          {"res_blocks", {sizes.res_blocks}},
          {"groups", {sizes.groups}}};
}

Sizes listed(const ClipSizes& sizes) {
  return {{"vocabulary", {sizes.vocabulary}}, {"positions", {sizes.positions}},
          {"width", {sizes.width}},           {"layers", {sizes.layers}},
          {"heads", {sizes.heads}},           {"mlp_width", {sizes.mlp_width}}};
}

// Sizes and completeness; what cannot even be sized is a problem too.
template <class Read>
void examine(const NamedTensors& tensors, Read read, InspectedPart& part) {
  try {
    const auto sizes = read(tensors);
    part.sizes = listed(sizes);
    part.problems = problems(tensors, tensors_of(sizes));
  } catch (const Error& error) {
    part.problems.push_back(error.what());
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
      case Part::unet: examine(tensors, read_unet_sizes, inspected); break;
      case Part::control: examine(tensors, read_controlnet_sizes, inspected); break;
      case Part::vae: examine(tensors, read_vae_sizes, inspected); break;
      case Part::text: examine(tensors, read_clip_sizes, inspected); break;
    }
    info.other_tensors -= inspected.tensors;
    info.parts.push_back(std::move(inspected));
  }
  return info;
}

}  // namespace

CheckpointInfo inspect(const std::filesystem::path& path) {
  return at_border(path.string(), [&] { return describe(path); });
}

}  // namespace drypoint
