#include "models/blocks.h"

namespace drypoint {

ValueId time_embedding(const Module& m, ValueId timestep, const UnetConfig& config,
                       ValueId guidance) {
  ValueId embedding = m.node(TimestepEmbedding{config.model_channels}, {timestep});
  if (guidance >= 0)
    embedding = add(m, embedding,
                    linear(m / "time_embed.cond_proj", guidance, config.model_channels, false));
  embedding = silu(m / "time_embed.1", linear(m / "time_embed.0", embedding, config.time_width));
  return linear(m / "time_embed.2", embedding, config.time_width);
}

ValueId res_block(const Module& m, ValueId x, ValueId embedding, int64_t channels,
                  const UnetConfig& config) {
  ValueId h = silu(m / "in_layers.1", group_norm(m / "in_layers.0", x, config.groups, 1e-5f));
  h = conv2d(m / "in_layers.2", h, channels);
  h = add(m, h, linear(m / "emb_layers.1", silu(m / "emb_layers.0", embedding), channels));
  h = silu(m / "out_layers.1", group_norm(m / "out_layers.0", h, config.groups, 1e-5f));
  h = conv2d(m / "out_layers.3", h, channels);
  if (m.shape(x)[3] != channels) x = conv2d(m / "skip_connection", x, channels, 1);
  return add(m, h, x);
}

namespace {

ValueId cross_attention(const Module& m, ValueId x, ValueId context, int64_t heads) {
  const int64_t width = m.shape(x).back();
  const ValueId q = linear(m / "to_q", x, width, false),
                k = linear(m / "to_k", context, width, false),
                v = linear(m / "to_v", context, width, false);
  return linear(m / "to_out.0", attention(m, q, k, v, heads), width);
}

ValueId feed_forward(const Module& m, ValueId x) {
  const int64_t width = m.shape(x).back();
  const Module gate = m / "net.0";  // value and gate, 4 times as wide each
  return linear(m / "net.2", gate.node(GatedGelu{}, {linear(gate / "proj", x, 8 * width)}), width);
}

ValueId transformer_block(const Module& m, ValueId x, ValueId context, int64_t heads) {
  const ValueId normed = layer_norm(m / "norm1", x);
  x = add(m, cross_attention(m / "attn1", normed, normed, heads), x);
  x = add(m, cross_attention(m / "attn2", layer_norm(m / "norm2", x), context, heads), x);
  return add(m, feed_forward(m / "ff", layer_norm(m / "norm3", x)), x);
}

}  // namespace

ValueId spatial_transformer(const Module& m, ValueId x, ValueId context,
                            const UnetConfig::Level& level, const UnetConfig& config) {
  const Shape image = m.shape(x);
  const int64_t channels = image[3];
  const auto project = [&](const Module& to, ValueId from) {
    return config.linear_projections ? linear(to, from, channels) : conv2d(to, from, channels, 1);
  };
  ValueId h = project(m / "proj_in", group_norm(m / "norm", x, config.groups, 1e-6f));
  h = reshape(m, h, {image[0], image[1] * image[2], channels});
  for (int64_t i = 0; i < level.depth; ++i)
    h = transformer_block(m / "transformer_blocks" / i, h, context, level.heads);
  return add(m, project(m / "proj_out", reshape(m, h, image)), x);
}

ValueId input_blocks(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const UnetConfig& config,
                     const std::function<ValueId(int64_t, ValueId)>& then) {
  int64_t number = 0;
  const auto block = [&] { return m / "input_blocks" / number; };
  x = then(number, conv2d(block() / "0", x, config.model_channels)), ++number;
  for (size_t i = 0; i < config.levels.size(); ++i) {
    const UnetConfig::Level& level = config.levels[i];
    for (int64_t j = 0; j < config.res_blocks; ++j, ++number) {
      x = res_block(block() / "0", x, embedding, level.channels, config);
      if (level.depth > 0) x = spatial_transformer(block() / "1", x, context, level, config);
      x = then(number, x);
    }
    if (i + 1 == config.levels.size()) break;
    x = then(number, conv2d(block() / "0.op", x, level.channels, 3, /*stride=*/2)), ++number;
  }
  return x;
}

ValueId middle_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const UnetConfig& config) {
  x = res_block(m / "0", x, embedding, config.middle.channels, config);
  x = spatial_transformer(m / "1", x, context, config.middle, config);
  return res_block(m / "2", x, embedding, config.middle.channels, config);
}

}  // namespace drypoint
