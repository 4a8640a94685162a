#include "models/depth_anything.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"
#include "models/transposed_conv.h"

namespace drypoint {
namespace {

/// The first version looks into the last four blocks; the second's choice is for each depth.
std::array<int64_t, 4> taken_of_version(int version, int64_t depth) {
  if (version == 1) return {depth - 4, depth - 3, depth - 2, depth - 1};
  if (depth == 24) return {4, 11, 17, 23};
  const int64_t quarter = depth / 4;
  return {quarter - 1, 2 * quarter - 1, 3 * quarter - 1, 4 * quarter - 1};
}

std::array<ValueId, 4> maps_of_tokens(const Module& m, const Module& head,
                                      std::span<const ValueId> tokens, const Shape& grid,
                                      const DepthAnythingConfig& config) {
  const int64_t width = config.vit.width;
  std::array<ValueId, 4> maps{};
  for (size_t i = 0; i < 4; ++i) {
    const Module norm = m / "norm";
    const ValueId normed = norm.node(
        LayerNorm{.epsilon = 1e-6f},
        {patch_tokens(m, tokens[i]), norm.weight("weight", {width}), norm.weight("bias", {width})});
    const Module resize = head / "resize_layers" / static_cast<int64_t>(i);
    const int64_t channels = config.dpt.channels[i];
    const ValueId x = conv2d(head / "projects" / static_cast<int64_t>(i),
                             reshape(m, normed, {1, grid[1], grid[2], width}), channels, 1);
    maps[i] = i == 0   ? transposed_conv2d(resize, x, channels, 4, 1)
              : i == 1 ? transposed_conv2d(resize, x, channels, 2, 1)
              : i == 2 ? x
                       : conv2d(resize, x, channels, 3, 2);
  }
  return maps;
}

/// Each residual branch is scaled, channel by channel (LayerScale): so are its last weights here.
constexpr std::pair<const char*, const char*> layer_scales[] = {{"ls1", "attn.proj"},
                                                                {"ls2", "mlp.fc2"}};
void fold_layer_scale(NamedTensors& tensors, const std::string& block) {
  for (const auto& [scale, layer] : layer_scales) {
    const auto found = tensors.tensors.find(fmt::format("{}.{}.gamma", block, scale));
    if (found == tensors.tensors.end()) continue;
    const Tensor gamma = found->second.to_f32();
    for (const char* part : {"weight", "bias"}) {
      const auto at = tensors.tensors.find(fmt::format("{}.{}.{}", block, layer, part));
      if (at == tensors.tensors.end() || at->second.shape().empty() ||
          Shape{at->second.shape()[0]} != gamma.shape())
        return;
      const Tensor stored = at->second.to_f32();
      Tensor scaled(stored.type());
      const size_t row = stored.floats().size() / std::max<size_t>(gamma.floats().size(), 1);
      for (size_t i = 0; i < stored.floats().size(); ++i)
        scaled.mutable_floats()[i] = stored.floats()[i] * gamma.floats()[i / row];
      at->second = scaled;
    }
    tensors.tensors.erase(found);
  }
}

StoredLayer scaled_branches(const std::string& block) {
  return {.convert = [=](NamedTensors& file) { fold_layer_scale(file, block); },
          .restore =
              [=](TensorShapes& shapes) {
                for (const auto& [scale, layer] : layer_scales)
                  shapes[fmt::format("{}.{}.gamma", block, scale)] =
                      shapes.at(fmt::format("{}.{}.bias", block, layer));
              }};
}

std::vector<StoredLayer> stored_layers(const DepthAnythingConfig& config) {
  std::vector<StoredLayer> layers{stored_transposed("depth_head.resize_layers.0", 4, 4),
                                  stored_transposed("depth_head.resize_layers.1", 2, 2)};
  for (int64_t i = 0; i < config.vit.depth; ++i)
    layers.push_back(scaled_branches(fmt::format("{}blocks.{}", depth_anything_vit, i)));
  return layers;
}

std::vector<TensorSpec> taken_tensors(const DepthAnythingConfig& config) {
  constexpr int64_t side = DepthAnythingConfig::patch;
  std::vector<TensorSpec> all = weights_of(build_depth_anything(config, side, side).graph);
  for (TensorSpec& spec : vit_host_tensors(config.vit, depth_anything_vit))
    all.push_back(std::move(spec));
  return all;
}

bool is_idle_in_depth_anything(std::string_view name) {
  return name == "pretrained.mask_token" ||
         name.starts_with("depth_head.scratch.refinenet4.resConfUnit1.");
}

}  // namespace

SizedGraph build_depth_anything(const DepthAnythingConfig& config, int64_t height, int64_t width) {
  constexpr int64_t patch = DepthAnythingConfig::patch;
  SizedGraph sized;
  const Module m(sized.graph), vit = m / "pretrained", head = m / "depth_head";
  const Module scratch = head / "scratch";
  const ValueId image =
      sized.graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  const ValueId patches = conv2d(vit / "patch_embed.proj", image, config.vit.width, patch, patch,
                                 Conv2d{.stride = patch});
  const auto tokens = vit_blocks(sized.graph, vit, patches, config.vit, config.taken);
  const auto maps = maps_of_tokens(vit, head, tokens, m.shape(patches), config);
  ValueId x = conv2d(scratch / "output_conv1", join_maps(sized, scratch, maps, config.dpt),
                     config.dpt.features / 2);
  x = interpolate_corners(sized, scratch, x, height, width);
  const Module last = scratch / "output_conv2";
  x = relu(last, conv2d(last / "0", x, config.dpt.hidden));
  sized.graph.outputs["depth"] = relu(last, conv2d(last / "2", x, 1, 1));
  return sized;
}

std::vector<TensorSpec> tensors_of(const DepthAnythingConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

DepthAnythingFile read_depth_anything(const std::filesystem::path& path, int version) {
  DepthAnythingFile file{read_tensor_file(path).tensors, {}};
  auto& [tensors, config] = file;
  config.vit = detect_vit(tensors, depth_anything_vit);
  config.dpt = detect_dpt(tensors, "depth_head.", "scratch.output_conv2.0.weight");
  constexpr std::string_view what = "Depth Anything (depth_anything_v2_vits.pth and others)";
  if (config.vit.width == 0 || config.vit.depth < 4 || config.dpt.features == 0 ||
      config.dpt.hidden == 0)
    refuse_network(tensors, path.string(), what, "pretrained.pos_embed");
  config.taken = taken_of_version(version, config.vit.depth);
  std::erase_if(tensors.tensors,
                [](const auto& entry) { return is_idle_in_depth_anything(entry.first); });
  for (const StoredLayer& layer : stored_layers(config)) layer.convert(tensors);
  expect_exactly(tensors, taken_tensors(config), path.string(), what);
  return file;
}

}  // namespace drypoint
