#include "models/bit_resnet.h"

#include <fmt/format.h>

#include <cmath>

#include "models/network_file.h"

namespace drypoint {
namespace {

constexpr size_t most_stages_of_resnet = 8;
constexpr int64_t most_blocks_of_stage = 64;

ValueId unbiased_conv2d(const Module& m, ValueId x, int64_t channels, int64_t kernel,
                        int64_t stride = 1) {
  return same_conv2d(m, x, channels, kernel, stride, /*bias=*/false);
}

ValueId norm_of_32(const Module& m, ValueId x) { return group_norm(m, x, 32, 1e-5f); }

ValueId bottleneck(const Module& m, ValueId x, int64_t channels, int64_t stride, bool changes) {
  ValueId shortcut = x;
  if (changes)
    shortcut = norm_of_32(m / "downsample.norm",
                          unbiased_conv2d(m / "downsample.conv", x, channels, 1, stride));
  const int64_t few = channels / 4;
  ValueId h = relu(m, norm_of_32(m / "norm1", unbiased_conv2d(m / "conv1", x, few, 1)));
  h = relu(m, norm_of_32(m / "norm2", unbiased_conv2d(m / "conv2", h, few, 3, stride)));
  h = norm_of_32(m / "norm3", unbiased_conv2d(m / "conv3", h, channels, 1));
  return relu(m, add(m, h, shortcut));
}

void standardize_weights(NamedTensors& tensors, const std::string& prefix) {
  for (auto& [name, tensor] : tensors.tensors) {
    if (!name.starts_with(prefix) || tensor.shape().size() != 4 || tensor.shape()[0] == 0) continue;
    const Tensor stored = tensor.to_f32();
    Tensor standard(stored.type());
    const size_t each = stored.floats().size() / static_cast<size_t>(stored.shape()[0]);
    for (size_t begin = 0; each > 0 && begin < stored.floats().size(); begin += each) {
      const auto filter = stored.floats().subspan(begin, each);
      double mean = 0, variance = 0;
      for (const float value : filter) mean += value / static_cast<double>(each);
      for (const float value : filter)
        variance += (value - mean) * (value - mean) / static_cast<double>(each);
      for (size_t i = 0; i < each; ++i)
        standard.mutable_floats()[begin + i] =
            static_cast<float>((filter[i] - mean) / std::sqrt(variance + 1e-8));
    }
    tensor = standard;
  }
}

}  // namespace

BitResnetConfig detect_bit_resnet(const NamedTensors& tensors, const std::string& prefix) {
  BitResnetConfig config{.stem = filters_of(tensors, prefix + "stem.conv.weight"), .stages = {}};
  for (size_t i = 0; i < most_stages_of_resnet; ++i) {
    const auto last = [&](int64_t block) {
      return filters_of(tensors,
                        fmt::format("{}stages.{}.blocks.{}.conv3.weight", prefix, i, block));
    };
    BitResnetConfig::Stage stage{.channels = last(0)};
    if (stage.channels == 0) break;
    while (stage.blocks < most_blocks_of_stage && last(stage.blocks) > 0) ++stage.blocks;
    config.stages.push_back(stage);
  }
  return config;
}

StoredLayer standardized_weights(const std::string& prefix) {
  return {.convert = [=](NamedTensors& file) { standardize_weights(file, prefix); },
          .restore = [](TensorShapes&) {}};
}

std::vector<ValueId> bit_resnet(SizedGraph& sized, const Module& m, ValueId x,
                                const BitResnetConfig& config) {
  x = relu(m, norm_of_32(m / "stem.norm", unbiased_conv2d(m / "stem.conv", x, config.stem, 7, 2)));
  // Padded at the end alone; as nothing is below 0, the border's own pixel does as well.
  x = m.node(MaxPool{.size = 3, .stride = 2}, {repeated_border(sized, m, x)});
  std::vector<ValueId> results;
  for (size_t i = 0; i < config.stages.size(); ++i) {
    const auto& [channels, blocks] = config.stages[i];
    for (int64_t block = 0; block < blocks; ++block)
      x = bottleneck(m / fmt::format("stages.{}.blocks.{}", i, block), x, channels,
                     block == 0 && i > 0 ? 2 : 1, block == 0);
    results.push_back(x);
  }
  return results;
}

}  // namespace drypoint
