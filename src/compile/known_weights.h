// Products whose weights are known when loading: what several passes ask of them and make of them.
#pragma once

#include "graph/graph.h"

namespace drypoint {

/// Whether a product's or convolution's weight, and its bias where it has one, are known.
inline bool has_known_weights(const Graph& graph, const Node& node, bool bias) {
  const auto known = [&](int input) { return graph[node.inputs[input]].rate == Rate::load; };
  return known(1) && (!bias || known(2));
}

/// vector [I] weight^T + bias [O]; `bias` -1: without.
inline ValueId through_product(Graph& graph, ValueId vector, ValueId weight, ValueId bias,
                               const std::string& module) {
  const Shape of_weight = graph[weight].type.shape;
  std::vector<ValueId> inputs{graph.add_node(Reshape{{1, of_weight[1]}}, {vector}, module), weight};
  if (bias >= 0) inputs.push_back(bias);
  const ValueId row = graph.add_node(Linear{.bias = bias >= 0}, inputs, module);
  return graph.add_node(Reshape{{of_weight[0]}}, {row}, module);
}

}  // namespace drypoint
