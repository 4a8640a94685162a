#include "compile/passes.h"
#include "graph/rewrite.h"
#include "ops/product.h"

namespace drypoint {
namespace {

template <class Product>
ValueId with_bias(Rewriter& r, const Node& add, const Node& product_node, Product op,
                  ValueId vector) {
  if (!op.epilogue.is_open()) return -1;
  ProductOperands operands(op, r.mapped(product_node.inputs));
  ValueId bias = r(vector);
  if (operands.bias) {
    // The longer shape first, as `Add` wants it: [1, O] + [O].
    ValueId other = *operands.bias;
    if (r.to[bias].type.shape.size() < r.to[other].type.shape.size()) std::swap(bias, other);
    bias = r.to.add_node(Add{}, {bias, other}, add.module);
  }
  operands.bias = bias;
  operands.describe(op);
  return r.to.add_node(op, operands.list(), product_node.module);
}

}  // namespace

Graph fuse_bias(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (!std::holds_alternative<Add>(node.op) || uses[node.inputs[0]] != 1) return -1;
    const Node* product = graph.producer(node.inputs[0]);
    const TensorType &sum = graph[node.output].type, &vector = graph[node.inputs[1]].type;
    // (A feature map of one pixel is as long as a bias, but none.)
    if (!product || vector.shape.empty() || vector.shape.size() > 2 ||
        vector.elements() != sum.shape.back() || vector.shape.back() != sum.shape.back())
      return -1;
    if (graph[node.inputs[0]].rate != graph[node.output].rate) return -1;  // would run more often
    if (const auto* conv = std::get_if<Conv2d>(&product->op))
      return with_bias(r, node, *product, *conv, node.inputs[1]);
    if (const auto* linear = std::get_if<Linear>(&product->op))
      return with_bias(r, node, *product, *linear, node.inputs[1]);
    return -1;
  });
}

}  // namespace drypoint
