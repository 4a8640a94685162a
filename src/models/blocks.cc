#include "models/blocks.h"

namespace drypoint {

ValueId time_embedding(const Module& m, ValueId timestep) {
  const int64_t model_channels = m.shape(m.weight("time_embed.0.weight"))[1];
  ValueId embedding = m.node(TimestepEmbedding{model_channels}, {timestep});
  embedding = silu(m / "time_embed.1", linear(m / "time_embed.0", embedding));
  return linear(m / "time_embed.2", embedding);
}

ValueId res_block(const Module& m, ValueId x, ValueId embedding, const DenoiserConfig& config) {
  ValueId h = silu(m / "in_layers.1", group_norm(m / "in_layers.0", x, config.groups, 1e-5f));
  h = conv2d(m / "in_layers.2", h);
  h = add(m, h, linear(m / "emb_layers.1", silu(m / "emb_layers.0", embedding)));
  h = silu(m / "out_layers.1", group_norm(m / "out_layers.0", h, config.groups, 1e-5f));
  h = conv2d(m / "out_layers.3", h);
  if (m.has("skip_connection.weight")) x = conv2d(m / "skip_connection", x, 0);
  return add(m, h, x);
}

namespace {

ValueId cross_attention(const Module& m, ValueId x, ValueId context, int64_t heads) {
  const ValueId q = linear(m / "to_q", x), k = linear(m / "to_k", context),
                v = linear(m / "to_v", context);
  return linear(m / "to_out.0", attention(m, q, k, v, heads));
}

ValueId feed_forward(const Module& m, ValueId x) {
  const Module gate = m / "net.0";
  return linear(m / "net.2", gate.node(GatedGelu{}, {linear(gate / "proj", x)}));
}

ValueId transformer_block(const Module& m, ValueId x, ValueId context, int64_t heads) {
  const ValueId normed = layer_norm(m / "norm1", x);
  x = add(m, cross_attention(m / "attn1", normed, normed, heads), x);
  x = add(m, cross_attention(m / "attn2", layer_norm(m / "norm2", x), context, heads), x);
  return add(m, feed_forward(m / "ff", layer_norm(m / "norm3", x)), x);
}

}  // namespace

ValueId spatial_transformer(const Module& m, ValueId x, ValueId context,
                            const DenoiserConfig& config) {
  ValueId h = conv2d(m / "proj_in", group_norm(m / "norm", x, config.groups, 1e-6f), 0);
  const Shape picture = m.shape(h);
  h = reshape(m, h, {picture[0], picture[1] * picture[2], picture[3]});
  for (int64_t i = 0; i < count_blocks(m, "transformer_blocks"); ++i)
    h = transformer_block(m / "transformer_blocks" / i, h, context, config.heads);
  return add(m, conv2d(m / "proj_out", reshape(m, h, picture), 0), x);
}

ValueId input_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                    const DenoiserConfig& config) {
  if (m.has("0.weight")) return conv2d(m / "0", x);                         // the first
  if (m.has("0.op.weight")) return conv2d(m / "0.op", x, 1, /*stride=*/2);  // a level's last
  x = res_block(m / "0", x, embedding, config);
  return m.has("1.norm.weight") ? spatial_transformer(m / "1", x, context, config) : x;
}

ValueId middle_block(const Module& m, ValueId x, ValueId embedding, ValueId context,
                     const DenoiserConfig& config) {
  x = res_block(m / "0", x, embedding, config);
  x = spatial_transformer(m / "1", x, context, config);
  return res_block(m / "2", x, embedding, config);
}

int64_t count_blocks(const Module& m, const std::string& blocks) {
  static constexpr const char* any_of[] = {".0.weight", ".0.op.weight", ".0.in_layers.0.weight",
                                           ".norm1.weight"};
  for (int64_t count = 0;; ++count) {
    bool there = false;
    for (const char* weight : any_of)
      there = there || m.has(blocks + "." + std::to_string(count) + weight);
    if (!there) return count;
  }
}

}  // namespace drypoint
