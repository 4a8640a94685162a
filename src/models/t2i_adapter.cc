#include "models/t2i_adapter.h"

#include "checkpoint/parts.h"

namespace drypoint {
namespace {

ValueId halved(const Module& m, ValueId x) {
  return m.node(AveragePool{.size = 2, .stride = 2}, {x});
}

/// `kernel` of the second convolution.
ValueId adapter_resnet(const Module& m, ValueId x, int64_t kernel) {
  const int64_t channels = m.shape(x)[3];
  const ValueId h = relu(m / "act", conv2d(m / "block1", x, channels));
  return add(m, conv2d(m / "block2", h, channels, kernel), x);
}

std::vector<ValueId> full(const Module& m, ValueId x, const T2iAdapterConfig& config) {
  std::vector<ValueId> features;
  ValueId h = conv2d(m / "conv_in", x, config.channels[0]);
  int64_t number = 0;
  for (size_t level = 0; level < config.channels.size(); ++level) {
    const Module first = m / "body" / number;
    if (level > 0) h = halved(first, h);
    if (m.shape(h)[3] != config.channels[level])
      h = conv2d(first / "in_conv", h, config.channels[level], 1);
    for (int64_t block = 0; block < config.res_blocks; ++block)
      h = adapter_resnet(m / "body" / number++, h, 1);
    features.push_back(h);
  }
  return features;
}

std::vector<ValueId> light(const Module& m, ValueId x, const T2iAdapterConfig& config) {
  std::vector<ValueId> features;
  for (size_t level = 0; level < config.channels.size(); ++level) {
    const Module body = m / "body" / static_cast<int64_t>(level);
    const int64_t channels = config.channels[level];
    x = conv2d(body / "in_conv", level > 0 ? halved(body, x) : x, channels / 4, 1);
    for (int64_t block = 0; block < config.res_blocks; ++block)
      x = adapter_resnet(body / "body" / block, x, 3);
    features.push_back(x = conv2d(body / "out_conv", x, channels, 1));
  }
  return features;
}

}  // namespace

std::vector<ValueId> adapter_features(const Module& m, ValueId hint,
                                      const T2iAdapterConfig& config) {
  const ValueId x = pixel_unshuffle(m, hint, 8);
  return config.light ? light(m, x, config) : full(m, x, config);
}

std::vector<TensorSpec> tensors_of(const T2iAdapterConfig& config, size_t number) {
  Graph graph;
  const Module m(graph, control_module(number));
  const TensorType hint{DType::f32,
                        {1, t2i_adapter_multiple, t2i_adapter_multiple, config.hint_channels}};
  adapter_features(m, graph.add_input("hint", hint, Rate::picture), config);
  return weights_of(graph);
}

}  // namespace drypoint
