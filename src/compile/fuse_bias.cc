#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

template <class Product>
ValueId with_bias(Rewriter& r, const Node& add, const Node& product_node, const Product& product,
                  ValueId vector) {
  if (product.residual || product.activation != ActivationKind::none) return -1;
  Product op = product;
  auto inputs = r.mapped(product_node.inputs);
  ValueId bias = r(vector);
  if (product.bias) {
    // The longer shape first, as `Add` wants it: [1, O] + [O].
    const bool longer = r.to[bias].type.shape.size() >= r.to[inputs[2]].type.shape.size();
    bias = r.to.add_node(Add{}, {longer ? bias : inputs[2], longer ? inputs[2] : bias}, add.module);
    inputs[2] = bias;
  } else {
    inputs.push_back(bias);
  }
  op.bias = true;
  return r.to.add_node(op, inputs, product_node.module);
}

}  // namespace

Graph fuse_bias(const Graph& graph) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (!std::holds_alternative<Add>(node.op) || uses[node.inputs[0]] != 1) return -1;
    const Node* product = graph.producer(node.inputs[0]);
    const TensorType &sum = graph[node.output].type, &vector = graph[node.inputs[1]].type;
    // (A feature map of one pixel is as long as a bias, but none.)
    if (!product || vector.shape.size() > 2 || vector.elements() != sum.shape.back() ||
        vector.shape.back() != sum.shape.back())
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
