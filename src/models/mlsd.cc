#include "models/mlsd.h"

#include <fmt/format.h>

#include <array>

#include "checkpoint/formats.h"
#include "models/network_file.h"
#include "models/weight_folding.h"

namespace drypoint {
namespace {

/// MobileNetV2's blocks that halve the size, and those whose results the decoder sees.
constexpr std::array<size_t, 3> halving{1, 3, 6};
constexpr std::array<size_t, 5> seen{0, 2, 5, 9, 12};
constexpr size_t mlsd_blocks = 13;

bool halves(size_t block) { return std::ranges::find(halving, block) != halving.end(); }

/// max(0, min(x, 6)): what is above 6 is taken off again.
ValueId relu6(const Module& m, ValueId x) {
  const auto number = [&](float value) { return m.node(Constant{value}, {}); };
  const ValueId six = m.node(Expand{.times = m.shape(x).back()}, {number(-6)});
  return m.node(AddScaled{0}, {relu(m, x), relu(m, add(m, x, six)), number(-1)});
}

/// What is missing for a halved size is added at the end alone.
template <class Convolution>
Convolution padded(int64_t kernel, int64_t stride) {
  const int64_t begin = stride == 2 ? 0 : kernel / 2;
  return {.stride = stride, .top = begin, .left = begin, .bottom = kernel / 2, .right = kernel / 2};
}

ValueId inverted_residual(const Module& m, ValueId x, const MlsdConfig::Block& block,
                          int64_t stride) {
  const int64_t channels = m.shape(x).back();
  ValueId h = x;
  int64_t layer = 0;
  if (block.expanded != channels) h = relu6(m, conv2d(m / layer++ / "0", h, block.expanded, 1));
  h = relu6(m, depthwise_conv2d(m / layer++ / "0", h, 3, padded<DepthwiseConv2d>(3, stride)));
  h = conv2d(m / layer, h, block.channels, 1);
  return stride == 1 && block.channels == channels ? add(m, x, h) : h;
}

ValueId conv_relu(const Module& m, ValueId x, int64_t channels, int64_t kernel) {
  return relu(m, conv2d(m / "0", x, channels, kernel));
}

/// The finer level and what the coarser ones gave, side by side.
ValueId join_levels(SizedGraph& sized, const Module& m, ValueId fine, ValueId coarse,
                    const MlsdConfig& config) {
  const Shape size = m.shape(fine);
  coarse = conv_relu(m / "conv1", coarse, config.width, 1);
  fine = conv_relu(m / "conv2", fine, config.width, 1);
  return m.node(Concat{-1}, {fine, interpolate_corners(sized, m, coarse, size[1], size[2])});
}

ValueId refine_level(const Module& m, ValueId x, const MlsdConfig& config) {
  x = add(m, conv_relu(m / "conv1", x, m.shape(x).back(), 3), x);
  return conv_relu(m / "conv2", x, config.width, 3);
}

std::string block_path(size_t block) { return fmt::format("backbone.features.{}.conv", block + 1); }

/// A block's convolutions; the first two have an activation, the second sees each channel by
/// itself.
struct BlockLayers {
  std::string expanding, each, last;
};
BlockLayers layers_of(size_t block, bool expands) {
  const std::string path = block_path(block);
  if (expands) return {path + ".0.0", path + ".1.0", path + ".2"};
  return {"", path + ".0.0", path + ".1"};
}

/// The last part of a layer's name counted on: where its norm lies.
std::string norm_after(const std::string& layer) {
  const size_t dot = layer.rfind('.') + 1;
  return layer.substr(0, dot) + std::to_string(std::stoi(layer.substr(dot)) + 1);
}

/// All convolutions but the last have a norm, those of the decoder a bias as well.
std::vector<StoredLayer> stored_layers(const MlsdConfig& config) {
  std::vector<StoredLayer> layers;
  const auto add_normed = [&](const std::string& layer, bool has_bias) {
    layers.push_back(normed_convolution(layer, norm_after(layer), 1e-5, has_bias));
  };
  add_normed("backbone.features.0.0", false);
  int64_t channels = config.stem;
  for (size_t i = 0; i < config.blocks.size(); ++i) {
    const bool expands = config.blocks[i].expanded != channels;
    const auto [expanding, each, last] = layers_of(i, expands);
    if (expands) add_normed(expanding, false);
    for (const std::string& layer : {each, last}) add_normed(layer, false);
    channels = config.blocks[i].channels;
  }
  for (int block = 15; block <= 23; ++block)
    for (const char* layer : {"conv1", "conv2"})
      add_normed(fmt::format("block{}.{}.0", block, layer), true);
  return layers;
}

std::vector<TensorSpec> taken_tensors(const MlsdConfig& config) {
  return weights_of(build_mlsd(config, MlsdConfig::multiple, MlsdConfig::multiple).graph);
}

MlsdConfig detect_mlsd(const NamedTensors& tensors) {
  MlsdConfig config{.stem = filters_of(tensors, "backbone.features.0.0.weight"),
                    .blocks = {},
                    .width = filters_of(tensors, "block15.conv1.0.weight"),
                    .results = filters_of(tensors, "block23.conv3.weight")};
  for (size_t i = 0; i < mlsd_blocks; ++i) {
    const bool expands = tensors.has(block_path(i) + ".3.weight");
    const auto [expanding, each, last] = layers_of(i, expands);
    config.blocks.push_back(
        {filters_of(tensors, each + ".weight"), filters_of(tensors, last + ".weight")});
  }
  return config;
}

}  // namespace

SizedGraph build_mlsd(const MlsdConfig& config, int64_t height, int64_t width) {
  SizedGraph sized;
  const Module m(sized.graph), features = m / "backbone.features";
  ValueId x = sized.graph.add_input("image", {DType::f32, {1, height, width, 4}}, Rate::picture);
  x = relu6(m, conv2d(features / "0.0", x, config.stem, 3, 3, padded<Conv2d>(3, 2)));
  std::vector<ValueId> levels;
  for (size_t i = 0; i < config.blocks.size(); ++i) {
    x = inverted_residual(m / block_path(i), x, config.blocks[i], halves(i) ? 2 : 1);
    if (std::ranges::find(seen, i) != seen.end()) levels.push_back(x);
  }
  for (int64_t level = 3; level >= 0; --level) {
    const int64_t block = 15 + 2 * (3 - level);
    const auto path = [&](int64_t number) { return m / fmt::format("block{}", number); };
    x = join_levels(sized, path(block), levels[static_cast<size_t>(level)], x, config);
    x = refine_level(path(block + 1), x, config);
  }
  const Module last = m / "block23";
  x = relu(last, dilated_conv2d(sized, last / "conv1.0", x, config.width, 5));
  x = conv_relu(last / "conv2", x, config.width, 3);
  sized.graph.outputs["lines"] = conv2d(last / "conv3", x, config.results, 1);
  return sized;
}

std::vector<TensorSpec> tensors_of(const MlsdConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

MlsdFile read_mlsd(const std::filesystem::path& path) {
  MlsdFile file{read_tensor_file(path).tensors, {}};
  constexpr std::string_view what = "M-LSD line detector, large (mlsd_large_512_fp32.pth)";
  file.config = detect_mlsd(file.tensors);
  if (file.config.stem == 0 || file.config.width == 0 || file.config.results < 9)
    refuse_network(file.tensors, path.string(), what, "backbone.features.0.0.weight");
  for (const StoredLayer& layer : stored_layers(file.config)) layer.convert(file.tensors);
  expect_exactly(file.tensors, taken_tensors(file.config), path.string(), what);
  return file;
}

}  // namespace drypoint
