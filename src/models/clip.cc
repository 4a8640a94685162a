#include "models/clip.h"

namespace drypoint {
namespace {

ValueId self_attention(const Module& m, ValueId x, const ClipConfig& config) {
  const ValueId q = linear(m / "q_proj", x, config.width),
                k = linear(m / "k_proj", x, config.width),
                v = linear(m / "v_proj", x, config.width);
  return linear(m / "out_proj", attention(m, q, k, v, config.heads, /*causal=*/true), config.width);
}

ValueId mlp(const Module& m, ValueId x, const ClipConfig& config) {
  const ValueId hidden = linear(m / "fc1", x, config.mlp_width);
  return linear(m / "fc2", m.node(Activation{config.activation}, {hidden}), config.width);
}

}  // namespace

Graph build_clip(const ClipConfig& config, const TextEncoderShape& shape) {
  Graph graph;
  const int64_t batch = shape.prompts;
  const Module text(graph, "cond_stage_model.transformer.text_model");
  const Module embeddings = text / "embeddings";

  const ValueId ids =
      graph.add_input("ids", {DType::i32, {batch, config.positions}}, Rate::picture);
  ValueId x = embeddings.node(
      Embedding{},
      {ids, embeddings.weight("token_embedding.weight", {config.vocabulary, config.width})});
  if (shape.embeddings) {
    const int64_t rows = batch * config.positions;
    const ValueId vectors =
        graph.add_input("vectors", {DType::f32, {rows, config.width}}, Rate::picture);
    const ValueId both =
        embeddings.node(Concat{0}, {reshape(embeddings, x, {rows, config.width}), vectors});
    x = embeddings.node(
        Embedding{},
        {graph.add_input("rows", {DType::i32, {batch, config.positions}}, Rate::picture), both});
  }
  x = add(embeddings, x,
          embeddings.weight("position_embedding.weight", {config.positions, config.width}));

  const int64_t layers = config.layers - (shape.clip_skip - 1);
  for (int64_t i = 0; i < layers; ++i) {
    const Module layer = text / "encoder.layers" / i;
    x = add(layer,
            self_attention(layer / "self_attn", layer_norm(layer / "layer_norm1", x), config), x);
    x = add(layer, mlp(layer / "mlp", layer_norm(layer / "layer_norm2", x), config), x);
  }
  graph.outputs["embedding"] = layer_norm(text / "final_layer_norm", x);
  return graph;
}

std::vector<TensorSpec> tensors_of(const ClipConfig& config) {
  return weights_of(build_clip(config, {.prompts = 1}));
}

}  // namespace drypoint
