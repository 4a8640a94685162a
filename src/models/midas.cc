#include "models/midas.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"
#include "models/transposed_conv.h"

namespace drypoint {
namespace {

/// The blocks that are looked into: of the hybrid, whose first two maps are the residual network's,
/// two.
std::vector<int64_t> taken_blocks(const MidasConfig& config) {
  if (config.resnet) return {8, 11};
  return {5, 11, 17, 23};
}

/// A block's tokens, each with the class's, as a map.
ValueId map_of_tokens(const Module& m, ValueId tokens, int64_t height, int64_t width) {
  const int64_t channels = m.shape(tokens).back();
  const ValueId both = m.node(Concat{-1}, {patch_tokens(m, tokens), class_tokens(m, tokens)});
  const Module project = m / "0.project.0";
  const ValueId joined =
      project.node(Activation{ActivationKind::gelu}, {linear(project, both, channels)});
  return reshape(m, joined, {1, height, width, channels});
}

std::array<ValueId, 4> feature_maps(SizedGraph& sized, const Module& m, ValueId image,
                                    const MidasConfig& config) {
  const Module model = m / "model", embed = model / "patch_embed";
  std::vector<ValueId> fine;
  ValueId patches = -1;
  if (config.resnet) {
    fine = bit_resnet(sized, embed / "backbone", image, *config.resnet);
    patches = conv2d(embed / "proj", fine.back(), config.vit.width, 1);
  } else {
    patches = conv2d(embed / "proj", image, config.vit.width, MidasConfig::patch,
                     MidasConfig::patch, Conv2d{.stride = MidasConfig::patch});
  }
  const Shape grid = m.shape(patches);
  const auto tokens = vit_blocks(sized.graph, model, patches, config.vit, taken_blocks(config));
  const auto& channels = config.dpt.channels;
  // `level`: 0 is the finest, a quarter of the picture's size.
  const auto map = [&](size_t level, ValueId of) {
    const Module process = m / fmt::format("act_postprocess{}", level + 1);
    const ValueId x = map_of_tokens(process, of, grid[1], grid[2]);
    const ValueId entered = conv2d(process / "3", x, channels[level], 1);
    if (level == 0) return transposed_conv2d(process / "4", entered, channels[0], 4, 1);
    if (level == 1) return transposed_conv2d(process / "4", entered, channels[1], 2, 1);
    return level == 2 ? entered : conv2d(process / "4", entered, channels[3], 3, 2);
  };
  if (config.resnet) return {fine[0], fine[1], map(2, tokens[0]), map(3, tokens[1])};
  return {map(0, tokens[0]), map(1, tokens[1]), map(2, tokens[2]), map(3, tokens[3])};
}

MidasConfig detect_midas(const NamedTensors& tensors) {
  MidasConfig config{.vit = detect_vit(tensors, midas_vit),
                     .resnet = {},
                     .dpt = detect_dpt(tensors, "", "scratch.output_conv.2.weight")};
  BitResnetConfig resnet =
      detect_bit_resnet(tensors, std::string(midas_vit) + "patch_embed.backbone.");
  if (resnet.stem > 0) config.resnet = std::move(resnet);
  return config;
}

std::vector<StoredLayer> stored_layers(const MidasConfig& config) {
  if (config.resnet)
    return {standardized_weights(std::string(midas_vit) + "patch_embed.backbone.")};
  return {stored_transposed("pretrained.act_postprocess1.4", 4, 4),
          stored_transposed("pretrained.act_postprocess2.4", 2, 2)};
}

std::vector<TensorSpec> taken_tensors(const MidasConfig& config) {
  constexpr int64_t side = MidasConfig::multiple;
  std::vector<TensorSpec> all = weights_of(build_midas(config, side, side).graph);
  for (TensorSpec& spec : vit_host_tensors(config.vit, midas_vit)) all.push_back(std::move(spec));
  return all;
}

bool can_be_built(const MidasConfig& config) {
  const auto has_grid = [](const BitResnetConfig& resnet) { return resnet.stages.size() == 3; };
  return config.vit.width > 0 && config.vit.depth > taken_blocks(config).back() &&
         config.dpt.features > 0 && config.dpt.hidden > 0 &&
         (!config.resnet || has_grid(*config.resnet));
}

/// What the files hold besides: the transformer's end, and a unit that nothing goes through.
bool is_idle(std::string_view name) {
  for (const char* idle : {"pretrained.model.norm.", "pretrained.model.head.",
                           "pretrained.model.fc_norm.", "scratch.refinenet4.resConfUnit1."})
    if (name.starts_with(idle)) return true;
  return false;
}

}  // namespace

SizedGraph build_midas(const MidasConfig& config, int64_t height, int64_t width) {
  SizedGraph sized;
  const Module m(sized.graph), scratch = m / "scratch";
  const ValueId image =
      sized.graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  const auto maps = feature_maps(sized, m / "pretrained", image, config);
  ValueId x = join_maps(sized, scratch, maps, config.dpt);
  const Module head = scratch / "output_conv";
  x = conv2d(head / "0", x, config.dpt.features / 2);
  x = interpolate_corners(sized, head, x, height, width);
  x = relu(head, conv2d(head / "2", x, config.dpt.hidden));
  sized.graph.outputs["depth"] = relu(head, conv2d(head / "4", x, 1, 1));
  return sized;
}

std::vector<TensorSpec> tensors_of(const MidasConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

MidasFile read_midas(const std::filesystem::path& path) {
  MidasFile file{read_tensor_file(path).tensors, {}};
  file.config = detect_midas(file.tensors);
  constexpr std::string_view what =
      "depth network of MiDaS' (dpt_hybrid-midas-501f0c75.pt, dpt_large-midas-2f21e586.pt)";
  if (!can_be_built(file.config))
    refuse_network(file.tensors, path.string(), what, "pretrained.model.pos_embed");
  std::erase_if(file.tensors.tensors, [](const auto& entry) { return is_idle(entry.first); });
  for (const StoredLayer& layer : stored_layers(file.config)) layer.convert(file.tensors);
  expect_exactly(file.tensors, taken_tensors(file.config), path.string(), what);
  return file;
}

}  // namespace drypoint
