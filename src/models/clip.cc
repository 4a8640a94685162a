#include "models/clip.h"

namespace drypoint {
namespace {

ValueId self_attention(const Module& m, ValueId x, int64_t heads) {
  const ValueId q = linear(m / "q_proj", x), k = linear(m / "k_proj", x),
                v = linear(m / "v_proj", x);
  return linear(m / "out_proj", attention(m, q, k, v, heads, /*causal=*/true));
}

ValueId mlp(const Module& m, ValueId x) {
  const ValueId hidden = linear(m / "fc1", x);
  return linear(m / "fc2", m.node(Activation{ActivationKind::quick_gelu}, {hidden}));
}

}  // namespace

Graph build_clip(const WeightTypes& weights, const ClipConfig& config, int64_t batch,
                 int64_t length) {
  Graph graph;
  const Module text(graph, weights, "cond_stage_model.transformer.text_model");
  const Module embeddings = text / "embeddings";

  const ValueId ids = graph.add_input("ids", {DType::i32, {batch, length}}, Rate::picture);
  const ValueId positions = embeddings.weight("position_embedding.weight");
  if (text.shape(positions)[0] != length)
    fail(ErrorKind::unsupported, "{}.position_embedding.weight: {} positions, expected {}",
         embeddings.path(), text.shape(positions)[0], length);
  ValueId x = embeddings.node(Embedding{}, {ids, embeddings.weight("token_embedding.weight")});
  x = add(embeddings, x, positions);

  for (int64_t i = 0; text.has("encoder.layers." + std::to_string(i) + ".layer_norm1.weight");
       ++i) {
    const Module layer = text / "encoder.layers" / i;
    x = add(layer,
            self_attention(layer / "self_attn", layer_norm(layer / "layer_norm1", x), config.heads),
            x);
    x = add(layer, mlp(layer / "mlp", layer_norm(layer / "layer_norm2", x)), x);
  }
  graph.outputs["embedding"] = layer_norm(text / "final_layer_norm", x);
  return graph;
}

}  // namespace drypoint
