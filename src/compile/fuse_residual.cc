#include "compile/passes.h"
#include "graph/rewrite.h"
#include "ops/product.h"

namespace drypoint {
namespace {

/// The product with `other` as its residual; -1 if it can take none.
template <class Product>
ValueId with_residual(Rewriter& r, const Node& node, Product op, ValueId other) {
  if (!op.epilogue.is_open()) return -1;
  ProductOperands operands(op, r.mapped(node.inputs));
  operands.residual = r(other);
  operands.describe(op);
  return r.to.add_node(op, operands.list(), node.module);
}

ValueId with_residual(Rewriter& r, const Node& node, ValueId other) {
  if (const auto* conv = std::get_if<Conv2d>(&node.op)) return with_residual(r, node, *conv, other);
  if (const auto* linear = std::get_if<Linear>(&node.op))
    return with_residual(r, node, *linear, other);
  return -1;
}

}  // namespace

Graph fuse_residual(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (!std::holds_alternative<Add>(node.op)) return -1;
    const ValueId a = node.inputs[0], b = node.inputs[1];
    if (graph[a].type != graph[b].type) return -1;
    // A product that changes less often would run more often. And what else does, as the hint's
    // features, pictures of a batch may share: no residual then, so none of one picture, which
    // would be rounded otherwise.
    if (graph[a].rate != graph[b].rate) return -1;
    // Of two candidates the later: the earlier one's result is then there to be added.
    for (auto [product, other] :
         {std::pair{std::max(a, b), std::min(a, b)}, std::pair{std::min(a, b), std::max(a, b)}}) {
      const Node* producer = graph.producer(product);
      if (product == other || uses[product] != 1 || !producer) continue;
      if (const ValueId sum = with_residual(r, *producer, other); sum >= 0) return sum;
    }
    return -1;
  });
}

}  // namespace drypoint
