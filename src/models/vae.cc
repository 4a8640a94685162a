#include "models/vae.h"

#include "models/taesd.h"

namespace drypoint {
namespace {

constexpr float epsilon = 1e-6f;

ValueId norm_silu(const Module& m, const std::string& norm, ValueId x, const VaeConfig& config) {
  return silu(m / norm, group_norm(m / norm, x, config.groups, epsilon));
}

ValueId resnet_block(const Module& m, ValueId x, int64_t channels, const VaeConfig& config) {
  ValueId h = conv2d(m / "conv1", norm_silu(m, "norm1", x, config), channels);
  h = conv2d(m / "conv2", norm_silu(m, "norm2", h, config), channels);
  if (m.shape(x)[3] != channels) x = conv2d(m / "nin_shortcut", x, channels, 1);
  return add(m, h, x);
}

/// Attention of one head over all positions.
ValueId attention_block(const Module& m, ValueId x, const VaeConfig& config) {
  const Shape image = m.shape(x);
  const ValueId normed = group_norm(m / "norm", x, config.groups, epsilon);
  const auto rows = [&](const std::string& layer) {
    return reshape(m, conv2d(m / layer, normed, image[3], 1),
                   {image[0], image[1] * image[2], image[3]});
  };
  const ValueId h = attention(m, rows("q"), rows("k"), rows("v"), /*heads=*/1);
  return add(m, conv2d(m / "proj_out", reshape(m, h, image), image[3], 1), x);
}

ValueId middle(const Module& m, ValueId x, const VaeConfig& config) {
  const int64_t channels = config.channels.back();
  x = resnet_block(m / "block_1", x, channels, config);
  x = attention_block(m / "attn_1", x, config);
  return resnet_block(m / "block_2", x, channels, config);
}

ValueId blocks(const Module& level, ValueId x, int64_t count, int64_t channels,
               const VaeConfig& config) {
  for (int64_t i = 0; i < count; ++i) x = resnet_block(level / "block" / i, x, channels, config);
  return x;
}

}  // namespace

Graph build_vae_decoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width,
                        bool pixels) {
  if (config.is_tiny) return build_taesd_decoder(config, batch, height, width);
  Graph graph;
  const Module vae(graph, "first_stage_model"), m = vae / "decoder";
  const ValueId latent = graph.add_input(
      "latent", {DType::f32, {batch, config.latent_channels, height, width}}, Rate::picture);

  ValueId h =
      conv2d(vae / "post_quant_conv", to_channels_last(vae, latent), config.latent_channels, 1);
  h = middle(m / "mid", conv2d(m / "conv_in", h, config.channels.back()), config);
  for (size_t level = config.channels.size(); level-- > 0;) {
    const Module up = m / "up" / static_cast<int64_t>(level);
    const int64_t channels = config.channels[level];
    h = blocks(up, h, config.res_blocks + 1, channels, config);
    if (level == 0) break;
    const Shape size = m.shape(h);
    h = conv2d(up / "upsample.conv", upsample(up / "upsample", h, size[1] * 2, size[2] * 2),
               channels);
  }
  const ValueId image =
      conv2d(m / "conv_out", norm_silu(m, "norm_out", h, config), config.image_channels);
  graph.outputs["image"] = image;
  if (!pixels) return graph;
  const ValueId offset = graph.add_input("offset", {DType::f32, {1}}, Rate::picture);
  graph.outputs["pixels"] = m.node(ToPixels{}, {image, offset});
  return graph;
}

Graph build_vae_encoder(const VaeConfig& config, int64_t batch, int64_t height, int64_t width) {
  if (config.is_tiny) return build_taesd_encoder(config, batch, height, width);
  Graph graph;
  const Module vae(graph, "first_stage_model"), m = vae / "encoder";
  const ValueId image = graph.add_input(
      "image", {DType::f32, {batch, height, width, config.image_channels}}, Rate::picture);

  ValueId h = conv2d(m / "conv_in", image, config.base_channels);
  for (size_t level = 0; level < config.channels.size(); ++level) {
    const Module down = m / "down" / static_cast<int64_t>(level);
    const int64_t channels = config.channels[level];
    h = blocks(down, h, config.res_blocks, channels, config);
    if (level + 1 < config.channels.size())  // pads below and to the right only
      h = conv2d(down / "downsample.conv", h, channels, 3, 3,
                 Conv2d{.stride = 2, .bottom = 1, .right = 1});
  }
  h = middle(m / "mid", h, config);
  const int64_t moments = 2 * config.latent_channels;
  h = conv2d(m / "conv_out", norm_silu(m, "norm_out", h, config), moments);
  graph.outputs["moments"] = to_channels_first(vae, conv2d(vae / "quant_conv", h, moments, 1));
  return graph;
}

std::vector<TensorSpec> tensors_of(const VaeConfig& config) {
  const std::vector<TensorSpec> decoder = weights_of(build_vae_decoder(config, 1, 1, 1));
  if (!config.has_encoder) return decoder;
  const int64_t side = int64_t{1} << (config.channels.size() - 1);  // each level can halve it
  std::vector<TensorSpec> specs = weights_of(build_vae_encoder(config, 1, side, side));
  specs.insert(specs.end(), decoder.begin(), decoder.end());
  return specs;
}

}  // namespace drypoint
