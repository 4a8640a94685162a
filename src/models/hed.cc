#include "models/hed.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"

namespace drypoint {
namespace {

std::string hed_convolution(size_t block, int64_t convolution) {
  return fmt::format("block{}.convs.{}.weight", block + 1, convolution);
}

HedConfig detect_hed(const NamedTensors& tensors) {
  HedConfig config;
  for (size_t block = 0;; ++block) {
    const Tensor* first = tensors.find(hed_convolution(block, 0));
    if (!first || first->shape().size() != 4) return config;
    HedConfig::Block& own = config.blocks.emplace_back();
    own.channels = first->shape()[0];
    while (tensors.has(hed_convolution(block, own.convolutions))) ++own.convolutions;
  }
}

}  // namespace

Graph build_hed(const HedConfig& config, int64_t height, int64_t width) {
  Graph graph;
  const Module m(graph);
  ValueId h = graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  for (size_t i = 0; i < config.blocks.size(); ++i) {
    const Module block = m / ("block" + std::to_string(i + 1));
    if (i > 0) h = block.node(MaxPool{.size = 2, .stride = 2}, {h});
    for (int64_t j = 0; j < config.blocks[i].convolutions; ++j)
      h = relu(block, conv2d(block / "convs" / j, h, config.blocks[i].channels));
    graph.outputs["edges" + std::to_string(i)] = conv2d(block / "projection", h, 1, 1);
  }
  return graph;
}

std::vector<TensorSpec> tensors_of(const HedConfig& config) {
  const int64_t side = int64_t{1} << (config.blocks.size() - 1);
  std::vector<TensorSpec> all = weights_of(build_hed(config, side, side));
  all.push_back({"norm", {1, 3, 1, 1}});
  return all;
}

HedFile read_hed(const std::filesystem::path& path) {
  HedFile file{read_tensor_file(path).tensors, {}};
  file.config = detect_hed(file.tensors);
  constexpr std::string_view what = "HED edge detector of ControlNet's (ControlNetHED.pth)";
  if (file.config.blocks.empty() || file.config.blocks.size() > 8)
    refuse_network(file.tensors, path.string(), what, hed_convolution(0, 0));
  expect_exactly(file.tensors, tensors_of(file.config), path.string(), what);
  return file;
}

}  // namespace drypoint
