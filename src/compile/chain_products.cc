#include "compile/known_weights.h"
#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// A product with one plain input, whose weight and bias are known when loading.
const Linear* as_plain_product(const Graph& graph, const Node& node) {
  const auto* linear = std::get_if<Linear>(&node.op);
  if (!linear || linear->select || linear->scale >= 0 || linear->groups != 1 || linear->gated ||
      linear->normed || linear->joined)
    return nullptr;
  return has_known_weights(graph, node, linear->bias) ? linear : nullptr;
}

/// What made this value, behind views of it, if nothing else reads any of them.
const Node* sole_producer(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  const Node* node = graph.producer(id);
  while (node && uses[node->output] == 1 && std::holds_alternative<Reshape>(node->op))
    node = graph.producer(node->inputs[0]);
  return node && uses[node->output] == 1 ? node : nullptr;
}

}  // namespace

Graph chain_products(const Graph& graph) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const Linear* second = as_plain_product(graph, node);
    const Node* before = second ? sole_producer(graph, uses, node.inputs[0]) : nullptr;
    const Linear* first = before ? as_plain_product(graph, *before) : nullptr;
    if (!first || !first->residual || first->activation != ActivationKind::none) return -1;
    // x -> between (with the residual) -> out: not more arithmetic, and whole vectors.
    const Shape &w1 = graph[before->inputs[1]].type.shape, &w2 = graph[node.inputs[1]].type.shape;
    const int64_t in = w1[1], between = w1[0], out = w2[0];
    if (out > between || in % 8 != 0 || between % 8 != 0 ||
        graph[before->output].rate != graph[node.output].rate)
      return -1;
    const auto known = [&](const Op& op, const std::vector<ValueId>& inputs) {
      return r.to.add_node(op, inputs, node.module);
    };

    // (x w1' + b1 + residual) w2' + b2 = [x residual] [w2 w1, w2]' + (w2 b1 + b2)
    const ValueId weight = r(node.inputs[1]);
    const ValueId transposed = known(Permute{{1, 0}}, {r(before->inputs[1])});
    const ValueId chained = known(Linear{.bias = false}, {weight, transposed});
    std::vector<ValueId> inputs{r(before->inputs[0]), known(Concat{1}, {chained, weight})};
    const ValueId own_bias = second->bias ? r(node.inputs[2]) : -1;
    if (first->bias)
      inputs.push_back(through_product(r.to, r(before->inputs[2]), weight, own_bias, node.module));
    else if (second->bias)
      inputs.push_back(own_bias);
    if (second->residual) inputs.push_back(r(node.inputs[2u + second->bias]));
    inputs.push_back(r(before->inputs[2u + first->bias]));

    Linear op = *second;
    op.bias = first->bias || second->bias;
    op.joined = true;
    // Rows lie as the second product's.
    Shape shape = graph[node.inputs[0]].type.shape;
    for (ValueId* rows : {&inputs.front(), &inputs.back()}) {
      shape.back() = r.to[*rows].type.shape.back();
      if (shape != r.to[*rows].type.shape)
        *rows = r.to.add_node(Reshape{shape}, {*rows}, before->module);
    }
    return r.to.add_node(op, inputs, node.module);
  });
}

}  // namespace drypoint
