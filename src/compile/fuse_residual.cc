#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

bool can_take_residual(const Node* node) {
  if (!node) return false;
  const auto open = [](const auto* op) {
    return op && !op->residual && op->activation == ActivationKind::none;
  };
  return open(std::get_if<Conv2d>(&node->op)) || open(std::get_if<Linear>(&node->op));
}

}  // namespace

Graph fuse_residual(const Graph& graph) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (!std::holds_alternative<Add>(node.op)) return -1;
    const ValueId a = node.inputs[0], b = node.inputs[1];
    if (graph[a].type != graph[b].type) return -1;
    // What pictures share would be a residual of one picture, but not of several: these would come
    // out rounded otherwise.
    if (graph[a].of_picture != graph[b].of_picture) return -1;
    // Of two candidates the later: the earlier one's result is then there to be added.
    for (auto [product, other] :
         {std::pair{std::max(a, b), std::min(a, b)}, std::pair{std::min(a, b), std::max(a, b)}}) {
      const Node* producer = graph.producer(product);
      if (product == other || uses[product] != 1 || !can_take_residual(producer)) continue;
      if (graph[product].rate != graph[node.output].rate) continue;  // it would run more often
      Op op = producer->op;
      if (auto* conv = std::get_if<Conv2d>(&op)) conv->residual = true;
      if (auto* linear = std::get_if<Linear>(&op)) linear->residual = true;
      auto inputs = r.mapped(producer->inputs);
      inputs.push_back(r(other));
      return r.to.add_node(op, inputs, producer->module);
    }
    return -1;
  });
}

}  // namespace drypoint
