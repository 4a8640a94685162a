#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// Two feature maps, concatenated along channels that kernels can cut: whole vectors.
bool joins_channels(const Graph& graph, const PassContext& context, const Node& node) {
  const auto* concat = std::get_if<Concat>(&node.op);
  if (!concat || node.inputs.size() != 2) return false;
  const auto last = static_cast<int64_t>(graph[node.output].type.shape.size()) - 1;
  if (last < 1 || (concat->axis != -1 && concat->axis != last)) return false;
  return context.whole_vectors(graph[node.inputs[0]].type.shape.back()) &&
         context.whole_vectors(graph[node.inputs[1]].type.shape.back());
}

bool can_join(const Op& op) {
  if (const auto* norm = std::get_if<GroupNorm>(&op)) return !norm->concat;
  const auto* linear = std::get_if<Linear>(&op);
  return linear && linear->groups == 1 && !linear->concat && !linear->normed;
}

/// The results of concatenations that nobody needs in one piece.
std::vector<bool> found_apart(const Graph& graph, const PassContext& context) {
  std::vector<bool> apart(graph.values.size());
  for (const Node& node : graph.nodes) apart[node.output] = joins_channels(graph, context, node);
  for (const auto& [name, id] : graph.outputs) apart[id] = false;
  for (const Node& node : graph.nodes)
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (i > 0 || !can_join(node.op)) apart[node.inputs[i]] = false;
  return apart;
}

}  // namespace

Graph fuse_concat(const Graph& graph, const PassContext& context) {
  const auto apart = found_apart(graph, context);
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (node.inputs.empty() || !apart[node.inputs[0]]) return -1;
    const Node* concat = graph.producer(node.inputs[0]);
    Op op = node.op;
    if (auto* norm = std::get_if<GroupNorm>(&op)) norm->concat = true;
    if (auto* linear = std::get_if<Linear>(&op)) linear->concat = true;
    auto inputs = r.mapped(node.inputs);
    inputs[0] = r(concat->inputs[0]);
    inputs.push_back(r(concat->inputs[1]));
    return r.to.add_node(op, inputs, node.module);
  });
}

}  // namespace drypoint
