#include "graph/rewrite.h"

namespace drypoint {

Rewriter::Rewriter(const Graph& old) : from(old), map_(old.values.size(), -1) {
  to.pictures = old.pictures;
  to.twins = old.twins;
  for (const auto& [name, id] : old.inputs)
    map_[id] = to.add_input(name, old[id].type, old[id].rate, old[id].of_picture);
  for (const auto& [name, id] : old.weights) map_[id] = to.add_weight(name, old[id].type);
}

std::vector<ValueId> Rewriter::mapped(const std::vector<ValueId>& old) const {
  std::vector<ValueId> now;
  for (ValueId id : old) now.push_back(map_[id]);
  return now;
}

ValueId Rewriter::copy(const Node& node) {
  return to.add_node(node.op, mapped(node.inputs), node.module);
}

Graph rewrite(const Graph& graph, const Replace& replace) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes) {
    const ValueId replaced = replace(rewriter, node);
    rewriter.set(node.output, replaced >= 0 ? replaced : rewriter.copy(node));
  }
  for (const auto& [name, id] : graph.outputs) rewriter.to.outputs[name] = rewriter(id);
  return without_dead_nodes(rewriter.to);
}

Graph without_dead_nodes(const Graph& graph) {
  std::vector<bool> needed(graph.values.size());
  for (const auto& [_, id] : graph.outputs) needed[id] = true;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node)
    if (needed[node->output])
      for (ValueId id : node->inputs) needed[id] = true;

  Graph kept;
  kept.pictures = graph.pictures;
  kept.twins = graph.twins;
  std::vector<ValueId> map(graph.values.size(), -1);
  for (const auto& [name, id] : graph.inputs)
    map[id] = kept.add_input(name, graph[id].type, graph[id].rate, graph[id].of_picture);
  for (const auto& [name, id] : graph.weights)
    if (needed[id]) map[id] = kept.add_weight(name, graph[id].type);
  for (const Node& node : graph.nodes) {
    if (!needed[node.output]) continue;
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) inputs.push_back(map[id]);
    map[node.output] = kept.add_node(node.op, std::move(inputs), node.module);
  }
  for (const auto& [name, id] : graph.outputs) kept.outputs[name] = map[id];
  return kept;
}

}  // namespace drypoint
