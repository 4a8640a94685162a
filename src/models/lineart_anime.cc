#include "models/lineart_anime.h"

#include "checkpoint/formats.h"
#include "models/network_file.h"
#include "models/network_layers.h"
#include "models/transposed_conv.h"

namespace drypoint {
namespace {

constexpr size_t most_halvings = 10;

/// Where the convolution down, the next level and the one up of a level lie.
struct LevelNames {
  std::string down, next, up;
};
LevelNames level_names(size_t level, size_t levels) {
  if (level == 0) return {"0", "1.model", "3"};
  if (level + 1 == levels) return {"1", "", "3"};
  return {"1", "3.model", "5"};
}

/// x and what the levels below make of it, `channels` of it.
ValueId unet_level(const Module& m, ValueId x, const LineartAnimeConfig& config, size_t level,
                   int64_t channels) {
  const size_t levels = config.channels.size();
  const LevelNames names = level_names(level, levels);
  const bool outermost = level == 0, innermost = level + 1 == levels;
  const auto halved = [&](ValueId from) {
    return conv2d(m / names.down, from, config.channels[level], 4, 4,
                  Conv2d{.stride = 2, .top = 1, .left = 1, .bottom = 1, .right = 1});
  };
  ValueId h = halved(outermost ? x : m.node(LeakyRelu{.slope = 0.2f}, {x}));
  if (!outermost && !innermost) h = instance_norm(m / names.down, h);
  if (!innermost) h = unet_level(m / names.next, h, config, level + 1, config.channels[level]);
  h = transposed_conv2d(m / names.up, relu(m, h), channels, 2, 3);
  if (outermost) return h;
  return m.node(Concat{-1}, {x, instance_norm(m / names.up, h)});
}

/// The path of a level, to which its names belong.
std::string level_path(size_t level, size_t levels) {
  std::string path = "model.model";
  for (size_t i = 0; i < level; ++i) path.append(".").append(level_names(i, levels).next);
  return path;
}

/// Its last level is recognised by what it lacks.
LineartAnimeConfig detect_lineart_anime(const NamedTensors& tensors) {
  LineartAnimeConfig config;
  constexpr size_t more = most_halvings + 1;  // not the last level
  for (size_t level = 0; level < most_halvings; ++level) {
    const std::string down = level_path(level, more) + "." + level_names(level, more).down;
    const int64_t filters = filters_of(tensors, down + ".weight");
    if (filters == 0) break;
    config.channels.push_back(filters);
  }
  return config;
}

std::vector<StoredLayer> stored_layers(const LineartAnimeConfig& config) {
  const size_t levels = config.channels.size();
  std::vector<StoredLayer> layers;
  for (size_t level = 0; level < levels; ++level)
    layers.push_back(
        stored_transposed(level_path(level, levels) + "." + level_names(level, levels).up, 2, 4));
  return layers;
}

std::vector<TensorSpec> taken_tensors(const LineartAnimeConfig& config) {
  return weights_of(build_lineart_anime(config, config.multiple(), config.multiple()));
}

}  // namespace

Graph build_lineart_anime(const LineartAnimeConfig& config, int64_t height, int64_t width) {
  Graph graph;
  const Module m(graph);
  const ValueId image =
      graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  graph.outputs["lines"] = unet_level(m / "model.model", image, config, 0, 1);
  return graph;
}

std::vector<TensorSpec> tensors_of(const LineartAnimeConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

LineartAnimeFile read_lineart_anime(const std::filesystem::path& path) {
  LineartAnimeFile file{read_tensor_file(path).tensors, {}};
  drop_prefix(file.tensors, "module.");
  file.config = detect_lineart_anime(file.tensors);
  constexpr std::string_view what = "network for drawings' lines (netG.pth)";
  if (file.config.channels.size() < 3)
    refuse_network(file.tensors, path.string(), what, "model.model.0.weight");
  for (const StoredLayer& layer : stored_layers(file.config)) layer.convert(file.tensors);
  expect_exactly(file.tensors, taken_tensors(file.config), path.string(), what);
  return file;
}

}  // namespace drypoint
