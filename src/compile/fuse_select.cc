#include "compile/passes.h"
#include "graph/rewrite.h"
#include "ops/product.h"

namespace drypoint {
namespace {

template <class Product>
ValueId with_table(Rewriter& r, const Node& node, Product op) {
  const OperandPositions at = positions_of(op);
  if (at.bias < 0 || at.step >= 0) return -1;
  const Node* select = r.from.producer(node.inputs[at.bias]);
  if (!select || !std::holds_alternative<Select>(select->op) ||
      r.from[select->inputs[0]].type.shape.size() != 2)
    return -1;
  ProductOperands operands(op, r.mapped(node.inputs));
  operands.bias = r(select->inputs[0]);
  operands.step = r(select->inputs[1]);
  operands.describe(op);
  return r.to.add_node(op, operands.list(), node.module);
}

}  // namespace

Graph fuse_select(const Graph& graph, const PassContext& /*context*/) {
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (const auto* conv = std::get_if<Conv2d>(&node.op)) return with_table(r, node, *conv);
    if (const auto* linear = std::get_if<Linear>(&node.op)) return with_table(r, node, *linear);
    return -1;
  });
}

}  // namespace drypoint
