#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// The plain product that computes an attention's input, if the attention is all that reads it.
const Node* projection(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  const Node* node = graph.producer(id);
  const auto* linear = node ? std::get_if<Linear>(&node->op) : nullptr;
  const bool plain = linear && linear->epilogue.is_open();
  return plain && uses[id] == 1 ? node : nullptr;
}

bool same_input(const Node* a, const Node* b) {
  return a && b && a->inputs[0] == b->inputs[0] && a->op == b->op;
}

ValueId merged_product(Rewriter& r, std::span<const Node* const> products,
                       const std::string& module) {
  std::vector<ValueId> inputs{r(products[0]->inputs[0])};
  for (size_t i = 1; i < products[0]->inputs.size(); ++i) {  // weights, then biases
    std::vector<ValueId> parts;
    for (const Node* product : products) parts.push_back(r(product->inputs[i]));
    inputs.push_back(r.to.add_node(Concat{0}, parts, module));
  }
  return r.to.add_node(products[0]->op, inputs, module);
}

}  // namespace

Graph merge_projections(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto* attention = std::get_if<Attention>(&node.op);
    if (!attention) return -1;
    const Node* products[3];
    for (int i = 0; i < 3; ++i) products[i] = projection(graph, uses, node.inputs[i]);
    if (!same_input(products[1], products[2])) return -1;

    Attention op = *attention;
    const auto k_width = graph[node.inputs[1]].type.shape.back();
    if (same_input(products[0], products[1])) {
      const ValueId qkv = merged_product(r, products, node.module);
      op.k_column += graph[node.inputs[0]].type.shape.back();
      op.v_column += op.k_column + k_width;
      return r.to.add_node(op, {qkv, qkv, qkv}, node.module);
    }
    const ValueId kv = merged_product(r, std::span(products).subspan(1), node.module);
    op.v_column += k_width;
    return r.to.add_node(op, {r(node.inputs[0]), kv, kv}, node.module);
  });
}

}  // namespace drypoint
