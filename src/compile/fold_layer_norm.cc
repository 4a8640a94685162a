#include "compile/known_weights.h"
#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// A product whose weight and bias are known when loading and whose input nothing else reads.
const Linear* can_fold(const Graph& graph, const std::vector<int>& uses, const Node& node) {
  const auto* linear = std::get_if<Linear>(&node.op);
  if (!linear || linear->normed || linear->concat || linear->epilogue.select ||
      linear->epilogue.dequantize || linear->groups != 1 || uses[node.inputs[0]] != 1)
    return nullptr;
  return has_known_weights(graph, ProductOperands(*linear, node.inputs)) ? linear : nullptr;
}

}  // namespace

Graph fold_layer_norm(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const Linear* linear = can_fold(graph, uses, node);
    const Node* producer = linear ? graph.producer(node.inputs[0]) : nullptr;
    const auto* norm = producer ? std::get_if<LayerNorm>(&producer->op) : nullptr;
    if (!norm || norm->weight_groups != 1) return -1;
    const ValueId gamma = r(producer->inputs[1]), beta = r(producer->inputs[2]);
    ProductOperands operands(*linear, r.mapped(node.inputs));
    operands.x = r(producer->inputs[0]);
    operands.bias = through_product(r.to, beta, operands.weight, operands.bias, producer->module);
    operands.weight = r.to.add_node(FoldNorm{}, {operands.weight, gamma}, producer->module);

    Linear op = *linear;
    op.normed = true;
    op.epsilon = norm->epsilon;
    operands.describe(op);
    return r.to.add_node(op, operands.list(), node.module);
  });
}

}  // namespace drypoint
