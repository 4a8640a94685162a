#include "models/vit.h"

#include <cmath>

#include "models/network_file.h"

namespace drypoint {
namespace {

constexpr int64_t head_size = 64, most_blocks = 64;

ValueId vit_norm(const Module& m, ValueId x) {
  const Shape width{m.shape(x).back()};
  return m.node(LayerNorm{.epsilon = 1e-6f},
                {x, m.weight("weight", width), m.weight("bias", width)});
}

ValueId vit_block(const Module& m, ValueId x) {
  const int64_t width = m.shape(x).back();
  const ValueId qkv = linear(m / "attn.qkv", vit_norm(m / "norm1", x), 3 * width);
  const ValueId seen = m.node(Attention{.heads = width / head_size,
                                        .head_size = head_size,
                                        .k_column = width,
                                        .v_column = 2 * width},
                              {qkv, qkv, qkv});
  x = add(m, linear(m / "attn.proj", seen, width), x);
  const Module mlp = m / "mlp";
  const ValueId wide = linear(mlp / "fc1", vit_norm(m / "norm2", x), 4 * width);
  return add(m, linear(mlp / "fc2", mlp.node(Activation{ActivationKind::gelu}, {wide}), width), x);
}

/// Rows `begin` to `begin + count` of the tokens, as rows.
ValueId token_rows(const Module& m, ValueId tokens, int64_t begin, int64_t count) {
  const Shape all = m.shape(tokens);
  return m.node(Slice{begin, count}, {reshape(m, tokens, {all[1], all[2]})});
}

}  // namespace

VitConfig detect_vit(const NamedTensors& tensors, const std::string& prefix) {
  VitConfig config;
  const Tensor* positions = tensors.find(prefix + "pos_embed");
  if (!positions || positions->shape().size() != 3 || positions->shape()[2] % head_size != 0)
    return config;
  const auto patches = static_cast<double>(positions->shape()[1] - 1);
  config.grid = std::llround(std::sqrt(std::max(patches, 0.0)));
  config.width = positions->shape()[2];
  while (config.depth < most_blocks &&
         filters_of(tensors, prefix + "blocks." + std::to_string(config.depth) + ".norm1.weight"))
    ++config.depth;
  return config;
}

std::vector<TensorSpec> vit_host_tensors(const VitConfig& config, const std::string& prefix) {
  return {{prefix + "cls_token", {1, 1, config.width}},
          {prefix + "pos_embed", {1, 1 + config.grid * config.grid, config.width}}};
}

std::vector<ValueId> vit_blocks(Graph& graph, const Module& m, ValueId patches,
                                const VitConfig& config, std::span<const int64_t> taken) {
  const Shape size = m.shape(patches);
  const Shape rows{1, size[1] * size[2], config.width};
  const ValueId classes =
      graph.add_input("class_token", {DType::f32, {1, 1, config.width}}, Rate::picture);
  const ValueId positions = graph.add_input("positions", {DType::f32, rows}, Rate::picture);
  ValueId x = add(m, reshape(m, patches, rows), positions);
  x = m.node(Concat{1}, {classes, x});
  std::vector<ValueId> results;
  for (int64_t i = 0; results.size() < taken.size(); ++i) {
    x = vit_block(m / "blocks" / i, x);
    if (i == taken[results.size()]) results.push_back(x);
  }
  return results;
}

ValueId patch_tokens(const Module& m, ValueId tokens) {
  const Shape all = m.shape(tokens);
  return reshape(m, token_rows(m, tokens, 1, all[1] - 1), {1, all[1] - 1, all[2]});
}

ValueId class_tokens(const Module& m, ValueId tokens) {
  const Shape all = m.shape(tokens);
  const ValueId repeated = m.node(Expand{.times = all[1] - 1}, {token_rows(m, tokens, 0, 1)});
  return reshape(m, repeated, {1, all[1] - 1, all[2]});
}

}  // namespace drypoint
