// Products whose weights are known when loading: what several passes ask of them and make of them.
#pragma once

#include "graph/graph.h"
#include "ops/product.h"

namespace drypoint {

/// Whether a product's or convolution's weight, and its bias where it has one, are known.
inline bool has_known_weights(const Graph& graph, const ProductOperands<ValueId>& operands) {
  const auto known = [&](ValueId id) { return graph[id].rate == Rate::load; };
  return known(operands.weight) && (!operands.bias || known(*operands.bias));
}

/// vector [I] weight^T + bias [O].
inline ValueId through_product(Graph& graph, ValueId vector, ValueId weight,
                               std::optional<ValueId> bias, const std::string& module) {
  const Shape of_weight = graph[weight].type.shape;
  std::vector<ValueId> inputs{graph.add_node(Reshape{{1, of_weight[1]}}, {vector}, module), weight};
  if (bias) inputs.push_back(*bias);
  const ValueId row =
      graph.add_node(Linear{.epilogue = {.bias = bias.has_value()}}, inputs, module);
  return graph.add_node(Reshape{{of_weight[0]}}, {row}, module);
}

}  // namespace drypoint
