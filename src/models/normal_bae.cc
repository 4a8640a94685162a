#include "models/normal_bae.h"

#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "models/network_file.h"
#include "models/weight_folding.h"

namespace drypoint {
namespace {

constexpr const char* normal_bae_encoder = "encoder.original_model.";
/// The finer levels at which directions are found, by what their size is a fraction of.
constexpr std::array<int, 3> refined{4, 2, 1};

/// x as large as `skip`, and both convolved.
ValueId enlarge(SizedGraph& sized, const Module& m, ValueId x, ValueId skip, int64_t channels) {
  const Shape size = m.shape(skip);
  x = m.node(Concat{-1}, {interpolate_corners(sized, m, x, size[1], size[2]), skip});
  for (const char* layer : {"0", "3"})
    x = m.node(LeakyRelu{.slope = 0.01f}, {conv2d(m / "_net" / layer, x, channels)});
  return x;
}

/// Directions at twice the size, of the features and the coarser directions. Their enlargement
/// comes first there; after the 1x1 convolution it is the same, of fewer channels.
ValueId refine(SizedGraph& sized, const Module& m, ValueId features, ValueId normals,
               int64_t hidden) {
  const Shape size = m.shape(features);
  ValueId x = conv2d(m / "0", m.node(Concat{-1}, {features, normals}), hidden, 1);
  x = relu(m, interpolate_corners(sized, m, x, 2 * size[1], 2 * size[2]));
  for (const char* layer : {"2", "4"}) x = relu(m, conv2d(m / layer, x, hidden, 1));
  return m.node(SurfaceNormals{}, {conv2d(m / "6", x, 4, 1)});
}

NormalBaeConfig detect_normal_bae(const NamedTensors& tensors) {
  NormalBaeConfig config{.encoder = detect_efficientnet(tensors, normal_bae_encoder),
                         .channels = {},
                         .hidden = filters_of(tensors, "decoder.out_conv_res1.0.weight")};
  for (size_t i = 0; i < config.channels.size(); ++i)
    config.channels[i] = filters_of(tensors, fmt::format("decoder.up{}._net.0.weight", i + 1));
  return config;
}

/// Convolutions over a list of pixels, [O, I, 1], as ones over a picture.
void widen_taps(NamedTensors& tensors, const std::string& weight) {
  const auto found = tensors.tensors.find(weight);
  if (found == tensors.tensors.end() || found->second.shape().size() != 3) return;
  Shape shape = found->second.shape();
  shape.push_back(1);
  found->second = found->second.reshaped(shape);
}

StoredLayer over_a_list(const std::string& weight) {
  return {.convert = [=](NamedTensors& file) { widen_taps(file, weight); },
          .restore = [=](TensorShapes& shapes) { shapes.at(weight).pop_back(); }};
}

std::vector<StoredLayer> stored_layers(const NormalBaeConfig& config) {
  std::vector<StoredLayer> layers = stored_layers(config.encoder, normal_bae_encoder);
  for (size_t i = 1; i <= config.channels.size(); ++i)
    for (const int layer : {0, 3})
      layers.push_back(normed_convolution(fmt::format("decoder.up{}._net.{}", i, layer),
                                          fmt::format("decoder.up{}._net.{}", i, layer + 1), 1e-5,
                                          /*has_bias=*/true));
  for (const int level : refined)
    for (const int layer : {0, 2, 4, 6})
      layers.push_back(over_a_list(fmt::format("decoder.out_conv_res{}.{}.weight", level, layer)));
  return layers;
}

std::vector<TensorSpec> taken_tensors(const NormalBaeConfig& config) {
  constexpr int64_t side = NormalBaeConfig::multiple;
  return weights_of(build_normal_bae(config, side, side).graph);
}

}  // namespace

SizedGraph build_normal_bae(const NormalBaeConfig& config, int64_t height, int64_t width) {
  SizedGraph sized;
  const Module m(sized.graph), decoder = m / "decoder";
  const ValueId image =
      sized.graph.add_input("image", {DType::f32, {1, height, width, 3}}, Rate::picture);
  const auto maps = efficientnet(m / "encoder.original_model", image, config.encoder);
  ValueId x = conv2d(decoder / "conv2", maps.back(), config.encoder.head, 1);
  constexpr std::array<size_t, 4> skips{4, 2, 1, 0};  // stages, the coarsest first
  std::array<ValueId, 4> features{};
  for (size_t i = 0; i < features.size(); ++i)
    features[i] = x =
        enlarge(sized, decoder / fmt::format("up{}", i + 1), x, maps[skips[i]], config.channels[i]);
  ValueId normals =
      decoder.node(SurfaceNormals{}, {conv2d(decoder / "out_conv_res8", features[1], 4)});
  for (size_t i = 0; i < refined.size(); ++i)
    normals = refine(sized, decoder / fmt::format("out_conv_res{}", refined[i]), features[i + 1],
                     normals, config.hidden);
  sized.graph.outputs["normals"] = normals;
  return sized;
}

std::vector<TensorSpec> tensors_of(const NormalBaeConfig& config) {
  return stored_tensors(taken_tensors(config), stored_layers(config));
}

NormalBaeFile read_normal_bae(const std::filesystem::path& path) {
  NormalBaeFile file{read_tensor_file(path).tensors, {}};
  auto& [tensors, config] = file;
  drop_prefix(tensors, "module.");
  config = detect_normal_bae(tensors);
  constexpr std::string_view what = "network for surfaces' normals (scannet.pt)";
  if (config.encoder.stem == 0 || config.encoder.head == 0 || config.hidden == 0)
    refuse_network(tensors, path.string(), what,
                   std::string(normal_bae_encoder) + "conv_stem.weight");
  for (const StoredLayer& layer : stored_layers(config)) layer.convert(tensors);
  // The classifier's norm, which nothing goes through.
  std::erase_if(tensors.tensors, [](const auto& entry) {
    return entry.first.starts_with(std::string(normal_bae_encoder) + "bn2.");
  });
  expect_exactly(tensors, taken_tensors(config), path.string(), what);
  return file;
}

}  // namespace drypoint
