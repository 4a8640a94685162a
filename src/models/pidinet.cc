#include "models/pidinet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "checkpoint/formats.h"
#include "models/network_file.h"

namespace drypoint {
namespace {

/// What of the pixels around one each filter weights: their values or differences of them.
enum class Differences : uint8_t { central, angular, radial, none };

/// Of the layers in order, the first convolution and the blocks of all levels.
constexpr Differences differences_of(size_t layer) { return static_cast<Differences>(layer % 4); }

/// Of the blocks of a level the first, which, but for the finest level's, halves the size.
constexpr size_t blocks_of(size_t level) { return level == 0 ? 3 : 4; }

std::string block_name(size_t level, size_t block) {
  return fmt::format("block{}_{}", level + 1, block + 1);
}

int64_t channels_of(const PidinetConfig& config, size_t level) {
  return config.channels << std::min<size_t>(level, 2);
}

ValueId same_size_conv2d(const Module& m, ValueId x, int64_t channels, int64_t kernel) {
  const int64_t padding = kernel / 2;
  return conv2d(m, x, channels, kernel, kernel,
                Conv2d{.top = padding, .left = padding, .bottom = padding, .right = padding},
                /*bias=*/false);
}

/// The first convolution sees each channel by itself.
ValueId pixel_difference_block(const Module& m, ValueId x, int64_t channels, size_t layer,
                               bool halves) {
  if (halves) x = m.node(MaxPool{.size = 2, .stride = 2}, {x});
  const int64_t kernel = differences_of(layer) == Differences::radial ? 5 : 3, margin = kernel / 2;
  const DepthwiseConv2d padded{.top = margin, .left = margin, .bottom = margin, .right = margin};
  const ValueId h = relu(m, depthwise_conv2d(m / "conv1", x, kernel, padded, /*bias=*/false));
  const ValueId y = same_size_conv2d(m / "conv2", h, channels, 1);
  return add(m, y, halves ? conv2d(m / "shortcut", x, channels, 1) : x);
}

/// A level's edges: dilated convolutions, and attention. That multiplies all channels alike, so it
/// can wait until they are one.
void add_edges(SizedGraph& sized, const Module& m, size_t level, ValueId x,
               const PidinetConfig& config) {
  const auto number = static_cast<int64_t>(level);
  const Module dilations = m / "dilations" / number, attention = m / "attentions" / number;
  const ValueId h = conv2d(dilations / "conv1", relu(m, x), config.dilated, 1);
  ValueId sum = -1;
  for (int64_t i = 1; i <= 4; ++i) {
    const ValueId part = dilated_conv2d(sized, dilations / fmt::format("conv2_{}", i), h,
                                        config.dilated, 2 * i + 3, /*bias=*/false);
    sum = sum < 0 ? part : add(m, sum, part);
  }
  const ValueId few = conv2d(attention / "conv1", relu(m, sum), config.attended, 1);
  sized.graph.outputs[fmt::format("gate{}", level)] =
      same_size_conv2d(attention / "conv2", few, 1, 3);
  sized.graph.outputs[fmt::format("edges{}", level)] =
      same_size_conv2d(m / "conv_reduces" / number / "conv", sum, 1, 1);
}

/// A filter of 3 x 3 taps over differences as one over pixels, of 5 x 5 taps for radial ones.
std::vector<float> over_pixels(std::span<const float> taps, Differences differences) {
  std::vector<float> filter(taps.begin(), taps.end());
  if (differences == Differences::central) {  // less the pixel itself
    for (const float tap : taps) filter[4] -= tap;
  } else if (differences == Differences::angular) {  // less the next one clockwise
    constexpr size_t next[] = {3, 0, 1, 6, 4, 2, 7, 8, 5};
    for (size_t i = 0; i < 9; ++i) filter[i] -= taps[next[i]];
  } else if (differences == Differences::radial) {  // of the outer ring, less the inner one
    constexpr size_t outer[] = {0, 2, 4, 10, 14, 20, 22, 24};
    constexpr size_t inner[] = {6, 7, 8, 11, 13, 16, 17, 18};
    filter.assign(25, 0);
    for (size_t i = 0; i < 8; ++i) {
      filter[outer[i]] = taps[i + 1];
      filter[inner[i]] = -taps[i + 1];
    }
  }
  return filter;
}

void convert_differences(NamedTensors& tensors, const std::string& name, Differences differences) {
  const Tensor* stored = tensors.find(name + ".weight");
  if (!stored || stored->shape().size() != 4 || stored->shape()[2] != 3 || stored->shape()[3] != 3)
    return;
  const int64_t kernel = differences == Differences::radial ? 5 : 3;
  const Tensor weight = stored->to_f32();
  Tensor converted({DType::f32, {stored->shape()[0], stored->shape()[1], kernel, kernel}});
  auto to = converted.mutable_floats().begin();
  for (size_t begin = 0; begin < weight.floats().size(); begin += 9)
    to = std::ranges::copy(over_pixels(weight.floats().subspan(begin, 9), differences), to).out;
  tensors.tensors[name + ".weight"] = converted;
}

/// A convolution of which files have filters over differences [O, I, 3, 3], graphs over pixels.
StoredLayer stored_differences(const std::string& name, size_t layer) {
  return {.convert =
              [=](NamedTensors& file) { convert_differences(file, name, differences_of(layer)); },
          .restore =
              [=](TensorShapes& shapes) {
                Shape& weight = shapes.at(name + ".weight");
                weight = {weight[0], weight[1], 3, 3};
              }};
}

std::vector<StoredLayer> stored_layers(const PidinetConfig& /*config*/) {
  std::vector<StoredLayer> layers{stored_differences("init_block", 0)};
  for (size_t level = 0; level < PidinetConfig::levels; ++level)
    for (size_t block = 0; block < blocks_of(level); ++block)
      layers.push_back(stored_differences(block_name(level, block) + ".conv1", layers.size()));
  return layers;
}

std::vector<TensorSpec> taken_tensors(const PidinetConfig& config) {
  std::vector<TensorSpec> all = weights_of(build_pidinet(config, 16, 16).graph);
  for (size_t level = 0; level < PidinetConfig::levels; ++level)
    all.push_back({fmt::format("conv_reduces.{}.conv.bias", level), {1}});
  all.push_back({"classifier.weight", {1, 4, 1, 1}});
  all.push_back({"classifier.bias", {1}});
  return all;
}

}  // namespace

SizedGraph build_pidinet(const PidinetConfig& config, int64_t height, int64_t width) {
  SizedGraph sized;
  const Module m(sized.graph);
  ValueId x = sized.graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  x = same_size_conv2d(m / "init_block", x, config.channels, 3);
  size_t layer = 1;
  for (size_t level = 0; level < PidinetConfig::levels; ++level) {
    for (size_t block = 0; block < blocks_of(level); ++block, ++layer)
      x = pixel_difference_block(m / block_name(level, block), x, channels_of(config, level), layer,
                                 level > 0 && block == 0);
    add_edges(sized, m, level, x, config);
  }
  return sized;
}

std::vector<TensorSpec> tensors_of(const PidinetConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

PidinetFile read_pidinet(const std::filesystem::path& path) {
  PidinetFile file{read_tensor_file(path).tensors, {}};
  auto& [tensors, config] = file;
  drop_prefix(tensors, "module.");
  config = {.channels = filters_of(tensors, "init_block.weight"),
            .dilated = filters_of(tensors, "dilations.0.conv1.weight"),
            .attended = filters_of(tensors, "attentions.0.conv1.weight")};
  constexpr std::string_view what = "PiDiNet edge detector (table5_pidinet.pth)";
  if (config.channels == 0 || config.dilated == 0 || config.attended == 0)
    refuse_network(tensors, path.string(), what, "init_block.weight");
  for (const StoredLayer& layer : stored_layers(config)) layer.convert(tensors);
  expect_exactly(tensors, taken_tensors(config), path.string(), what);
  return file;
}

}  // namespace drypoint
