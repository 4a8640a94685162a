#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

template <class Product>
ValueId with_table(Rewriter& r, const Node& node, const Product& product) {
  if (!product.bias || product.select) return -1;
  const Node* select = r.from.producer(node.inputs[2]);
  if (!select || !std::holds_alternative<Select>(select->op) ||
      r.from[select->inputs[0]].type.shape.size() != 2)
    return -1;
  Product op = product;
  op.select = true;
  auto inputs = r.mapped(node.inputs);
  inputs[2] = r(select->inputs[0]);
  inputs.insert(inputs.begin() + 3, r(select->inputs[1]));
  return r.to.add_node(op, inputs, node.module);
}

}  // namespace

Graph fuse_select(const Graph& graph) {
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (const auto* conv = std::get_if<Conv2d>(&node.op)) return with_table(r, node, *conv);
    if (const auto* linear = std::get_if<Linear>(&node.op)) return with_table(r, node, *linear);
    return -1;
  });
}

}  // namespace drypoint
