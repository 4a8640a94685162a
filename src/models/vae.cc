#include "models/vae.h"

namespace drypoint {
namespace {

constexpr float epsilon = 1e-6f;

ValueId norm_silu(const Module& m, const std::string& norm, ValueId x, const VaeConfig& config) {
  return silu(m / norm, group_norm(m / norm, x, config.groups, epsilon));
}

ValueId resnet_block(const Module& m, ValueId x, const VaeConfig& config) {
  ValueId h = conv2d(m / "conv1", norm_silu(m, "norm1", x, config));
  h = conv2d(m / "conv2", norm_silu(m, "norm2", h, config));
  if (m.has("nin_shortcut.weight")) x = conv2d(m / "nin_shortcut", x, 0);
  return add(m, h, x);
}

/// Attention of one head over all positions.
ValueId attention_block(const Module& m, ValueId x, const VaeConfig& config) {
  const Shape picture = m.shape(x);
  const ValueId normed = group_norm(m / "norm", x, config.groups, epsilon);
  const auto rows = [&](const std::string& layer) {
    return reshape(m, conv2d(m / layer, normed, 0),
                   {picture[0], picture[1] * picture[2], picture[3]});
  };
  const ValueId h = attention(m, rows("q"), rows("k"), rows("v"), /*heads=*/1);
  return add(m, conv2d(m / "proj_out", reshape(m, h, picture), 0), x);
}

ValueId middle(const Module& m, ValueId x, const VaeConfig& config) {
  x = resnet_block(m / "block_1", x, config);
  x = attention_block(m / "attn_1", x, config);
  return resnet_block(m / "block_2", x, config);
}

int64_t count(const Module& m, const std::string& list, const std::string& weight) {
  int64_t n = 0;
  while (m.has(list + "." + std::to_string(n) + "." + weight)) ++n;
  return n;
}

ValueId blocks(const Module& level, ValueId x, const VaeConfig& config) {
  for (int64_t i = 0; i < count(level, "block", "norm1.weight"); ++i)
    x = resnet_block(level / "block" / i, x, config);
  return x;
}

}  // namespace

Graph build_vae_decoder(const WeightTypes& weights, int64_t batch, int64_t height, int64_t width,
                        const VaeConfig& config) {
  Graph graph;
  const Module vae(graph, weights, "first_stage_model"), m = vae / "decoder";
  const int64_t channels = vae.shape(vae.weight("post_quant_conv.weight"))[1];
  const ValueId latent =
      graph.add_input("latent", {DType::f32, {batch, channels, height, width}}, Rate::picture);

  ValueId h = conv2d(vae / "post_quant_conv", to_channels_last(vae, latent), 0);
  h = middle(m / "mid", conv2d(m / "conv_in", h), config);
  for (int64_t level = count(m, "up", "block.0.norm1.weight") - 1; level >= 0; --level) {
    const Module up = m / "up" / level;
    h = blocks(up, h, config);
    if (up.has("upsample.conv.weight")) {
      const Shape size = m.shape(h);
      h = conv2d(up / "upsample.conv", upsample(up / "upsample", h, size[1] * 2, size[2] * 2));
    }
  }
  graph.outputs["image"] = conv2d(m / "conv_out", norm_silu(m, "norm_out", h, config));
  return graph;
}

Graph build_vae_encoder(const WeightTypes& weights, int64_t batch, int64_t height, int64_t width,
                        const VaeConfig& config) {
  Graph graph;
  const Module vae(graph, weights, "first_stage_model"), m = vae / "encoder";
  const ValueId image =
      graph.add_input("image", {DType::f32, {batch, height, width, 3}}, Rate::picture);

  ValueId h = conv2d(m / "conv_in", image);
  for (int64_t level = 0; level < count(m, "down", "block.0.norm1.weight"); ++level) {
    const Module down = m / "down" / level;
    h = blocks(down, h, config);
    if (down.has("downsample.conv.weight"))  // pads below and to the right only
      h = conv2d(down / "downsample.conv", h, Conv2d{.stride = 2, .bottom = 1, .right = 1});
  }
  h = middle(m / "mid", h, config);
  h = conv2d(m / "conv_out", norm_silu(m, "norm_out", h, config));
  graph.outputs["moments"] = to_channels_first(vae, conv2d(vae / "quant_conv", h, 0));
  return graph;
}

}  // namespace drypoint
