#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

ActivationKind* activation_of(Op& op) {
  if (auto* conv = std::get_if<Conv2d>(&op)) return &conv->epilogue.activation;
  if (auto* linear = std::get_if<Linear>(&op)) return &linear->epilogue.activation;
  if (auto* norm = std::get_if<GroupNorm>(&op)) return &norm->activation;
  return nullptr;
}

}  // namespace

Graph fuse_activation(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto* activation = std::get_if<Activation>(&node.op);
    if (!activation) return -1;
    const Node* producer = graph.producer(node.inputs[0]);
    if (!producer || uses[node.inputs[0]] != 1) return -1;
    Op op = producer->op;
    ActivationKind* last = activation_of(op);
    if (!last || *last != ActivationKind::none) return -1;
    *last = activation->kind;
    return r.to.add_node(op, r.mapped(producer->inputs), producer->module);
  });
}

}  // namespace drypoint
