#include "models/lineart.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"
#include "models/transposed_conv.h"

namespace drypoint {
namespace {

ValueId normed_relu(const Module& m, ValueId x) { return relu(m, instance_norm(m, x)); }

/// Of what is mirrored around x.
ValueId mirrored_conv2d(SizedGraph& sized, const Module& m, ValueId x, int64_t channels,
                        int64_t kernel) {
  return conv2d(m, mirrored_margin(sized, m, x, kernel / 2), channels, kernel, kernel, Conv2d{});
}

ValueId residual_block(SizedGraph& sized, const Module& m, ValueId x) {
  const int64_t channels = m.shape(x).back();
  const ValueId h = normed_relu(m, mirrored_conv2d(sized, m / "1", x, channels, 3));
  return add(m, instance_norm(m, mirrored_conv2d(sized, m / "5", h, channels, 3)), x);
}

LineartConfig detect_lineart(const NamedTensors& tensors) {
  LineartConfig config{.channels = filters_of(tensors, "model0.1.weight")};
  while (config.blocks < 100 &&
         tensors.has(fmt::format("model2.{}.conv_block.1.weight", config.blocks)))
    ++config.blocks;
  return config;
}

std::vector<StoredLayer> stored_layers(const LineartConfig& /*config*/) {
  return {stored_transposed("model3.0", 2, 3), stored_transposed("model3.3", 2, 3)};
}

std::vector<TensorSpec> taken_tensors(const LineartConfig& config) {
  return weights_of(build_lineart(config, LineartConfig::multiple, LineartConfig::multiple).graph);
}

}  // namespace

SizedGraph build_lineart(const LineartConfig& config, int64_t height, int64_t width) {
  SizedGraph sized;
  const Module m(sized.graph);
  ValueId x = sized.graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  int64_t channels = config.channels;
  x = normed_relu(m, mirrored_conv2d(sized, m / "model0.1", x, channels, 7));
  for (const char* layer : {"0", "3"})
    x = normed_relu(m, conv2d(m / "model1" / layer, x, channels *= 2, 3, /*stride=*/2));
  for (int64_t i = 0; i < config.blocks; ++i)
    x = residual_block(sized, m / "model2" / i / "conv_block", x);
  for (const char* layer : {"0", "3"})
    x = normed_relu(m, transposed_conv2d(m / "model3" / layer, x, channels /= 2, 2, 3));
  sized.graph.outputs["lines"] = mirrored_conv2d(sized, m / "model4.1", x, 1, 7);
  return sized;
}

std::vector<TensorSpec> tensors_of(const LineartConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

LineartFile read_lineart(const std::filesystem::path& path) {
  LineartFile file{read_tensor_file(path).tensors, {}};
  file.config = detect_lineart(file.tensors);
  constexpr std::string_view what = "lineart network (sk_model.pth, sk_model2.pth)";
  if (file.config.channels == 0 || file.config.blocks == 0)
    refuse_network(file.tensors, path.string(), what, "model0.1.weight");
  for (const StoredLayer& layer : stored_layers(file.config)) layer.convert(file.tensors);
  expect_exactly(file.tensors, taken_tensors(file.config), path.string(), what);
  return file;
}

}  // namespace drypoint
