#include "models/efficientnet.h"

#include <fmt/format.h>

#include <array>

#include "models/network_file.h"
#include "models/network_layers.h"
#include "models/weight_folding.h"

namespace drypoint {
namespace {

/// Of each stage's first block.
constexpr std::array<int64_t, EfficientnetConfig::stage_count> strides{1, 2, 2, 2, 1, 2, 1};
constexpr size_t most_blocks_of_efficientnet_stage = 64;
constexpr double epsilon_of_tensorflow = 1e-3;

std::string block_at(const std::string& prefix, size_t stage, size_t block) {
  return fmt::format("{}blocks.{}.{}.", prefix, stage, block);
}

ValueId normed_silu(const Module& m, ValueId x, int64_t channels) {
  return silu(m, same_conv2d(m, x, channels, 1));
}

ValueId same_depthwise_conv2d(const Module& m, ValueId x, int64_t kernel, int64_t stride) {
  return depthwise_conv2d(m, x, kernel, same_padded<DepthwiseConv2d>(m.shape(x), kernel, stride));
}

/// The mean of each channel decides how much of it goes on (https://arxiv.org/abs/1709.01507).
ValueId squeeze_and_excite(const Module& m, ValueId x, int64_t squeezed) {
  const Shape size = m.shape(x);
  const ValueId means =
      reshape(m, m.node(SpatialMean{}, {x}), {size[1] * size[2], size[3]});  // all rows alike
  const ValueId mean = reshape(m, m.node(Slice{0, 1}, {means}), {1, 1, 1, size[3]});
  const ValueId few = silu(m, conv2d(m / "conv_reduce", mean, squeezed, 1));
  return m.node(SigmoidGate{}, {x, conv2d(m / "conv_expand", few, size[3], 1)});
}

ValueId efficientnet_block(const Module& m, ValueId x, const EfficientnetConfig::Block& block,
                           int64_t stride) {
  ValueId h = x;
  if (block.expands) h = normed_silu(m / "conv_pw", h, block.expanded);
  h = silu(m, same_depthwise_conv2d(m / "conv_dw", h, block.kernel, stride));
  h = squeeze_and_excite(m / "se", h, block.squeezed);
  h = same_conv2d(m / (block.expands ? "conv_pwl" : "conv_pw"), h, block.channels, 1);
  return stride == 1 && m.shape(x).back() == block.channels ? add(m, x, h) : h;
}

EfficientnetConfig::Block detect_block(const NamedTensors& tensors, const std::string& path) {
  const Tensor* own = tensors.find(path + "conv_dw.weight");
  const bool expands = tensors.has(path + "conv_pwl.weight");
  return {.expands = expands,
          .kernel = own && own->shape().size() == 4 ? own->shape()[2] : 0,
          .expanded = filters_of(tensors, path + "conv_dw.weight"),
          .squeezed = filters_of(tensors, path + "se.conv_reduce.weight"),
          .channels = filters_of(tensors, path + (expands ? "conv_pwl" : "conv_pw") + ".weight")};
}

}  // namespace

EfficientnetConfig detect_efficientnet(const NamedTensors& tensors, const std::string& prefix) {
  EfficientnetConfig config{.stem = filters_of(tensors, prefix + "conv_stem.weight"),
                            .stages = {},
                            .head = filters_of(tensors, prefix + "conv_head.weight")};
  for (size_t stage = 0; stage < EfficientnetConfig::stage_count; ++stage) {
    auto& blocks = config.stages.emplace_back();
    while (blocks.size() < most_blocks_of_efficientnet_stage) {
      const auto block = detect_block(tensors, block_at(prefix, stage, blocks.size()));
      if (block.kernel == 0) break;
      blocks.push_back(block);
    }
    if (blocks.empty()) config.stem = 0;
  }
  return config;
}

std::vector<StoredLayer> stored_layers(const EfficientnetConfig& config,
                                       const std::string& prefix) {
  std::vector<StoredLayer> layers;
  const auto add_normed = [&](const std::string& path, const char* convolution, int norm) {
    layers.push_back(normed_convolution(path + convolution, fmt::format("{}bn{}", path, norm),
                                        epsilon_of_tensorflow, /*has_bias=*/false));
  };
  add_normed(prefix, "conv_stem", 1);
  for (size_t stage = 0; stage < config.stages.size(); ++stage)
    for (size_t i = 0; i < config.stages[stage].size(); ++i) {
      const std::string path = block_at(prefix, stage, i);
      const bool expands = config.stages[stage][i].expands;
      int norm = 1;
      if (expands) add_normed(path, "conv_pw", norm++);
      add_normed(path, "conv_dw", norm++);
      add_normed(path, expands ? "conv_pwl" : "conv_pw", norm);
    }
  return layers;
}

std::vector<ValueId> efficientnet(const Module& m, ValueId x, const EfficientnetConfig& config) {
  x = silu(m, same_conv2d(m / "conv_stem", x, config.stem, 3, 2));
  std::vector<ValueId> results;
  for (size_t stage = 0; stage < config.stages.size(); ++stage) {
    const Module blocks = m / "blocks" / static_cast<int64_t>(stage);
    for (size_t i = 0; i < config.stages[stage].size(); ++i)
      x = efficientnet_block(blocks / static_cast<int64_t>(i), x, config.stages[stage][i],
                             i == 0 ? strides.at(stage) : 1);
    results.push_back(x);
  }
  results.push_back(same_conv2d(m / "conv_head", x, config.head, 1, 1, /*bias=*/false));
  return results;
}

}  // namespace drypoint
