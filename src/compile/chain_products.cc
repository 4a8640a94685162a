#include "compile/known_weights.h"
#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

using Operands = ProductOperands<ValueId>;

/// A product with one plain input, whose weight and bias are known when loading.
const Linear* as_plain_product(const Graph& graph, const Node& node) {
  const auto* linear = std::get_if<Linear>(&node.op);
  if (!linear || linear->groups != 1 || linear->normed || linear->concat) return nullptr;
  const Epilogue& epilogue = linear->epilogue;
  if (epilogue.dequantize || epilogue.quantizes() || epilogue.select || epilogue.scale >= 0 ||
      epilogue.gate)
    return nullptr;
  return has_known_weights(graph, Operands(*linear, node.inputs)) ? linear : nullptr;
}

/// What made this value, behind views of it, if nothing else reads any of them.
const Node* sole_producer(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  const Node* node = graph.producer(id);
  while (node && uses[node->output] == 1 && std::holds_alternative<Reshape>(node->op))
    node = graph.producer(node->inputs[0]);
  return node && uses[node->output] == 1 ? node : nullptr;
}

}  // namespace

Graph chain_products(const Graph& graph, const PassContext& context) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const Linear* second = as_plain_product(graph, node);
    const Node* before = second ? sole_producer(graph, uses, node.inputs[0]) : nullptr;
    const Linear* first = before ? as_plain_product(graph, *before) : nullptr;
    if (!first || !first->epilogue.residual || first->epilogue.activation != ActivationKind::none)
      return -1;
    // x -> between (with the residual) -> out: not more arithmetic, and whole vectors.
    const Shape &w1 = graph[before->inputs[1]].type.shape, &w2 = graph[node.inputs[1]].type.shape;
    const int64_t in = w1[1], between = w1[0], out = w2[0];
    if (out > between || !context.whole_vectors(in) || !context.whole_vectors(between) ||
        graph[before->output].rate != graph[node.output].rate)
      return -1;
    const auto known = [&](const Op& op, const std::vector<ValueId>& inputs) {
      return r.to.add_node(op, inputs, node.module);
    };

    // (x w1' + b1 + residual) w2' + b2 = [x residual] [w2 w1, w2]' + (w2 b1 + b2)
    const Operands inner(*first, r.mapped(before->inputs));
    Operands operands(*second, r.mapped(node.inputs));
    const ValueId weight = operands.weight;
    const ValueId transposed = known(Permute{{1, 0}}, {inner.weight});
    const ValueId chained = known(Linear{.epilogue = {.bias = false}}, {weight, transposed});
    operands.x = inner.x;
    operands.weight = known(Concat{1}, {chained, weight});
    if (inner.bias)
      operands.bias = through_product(r.to, *inner.bias, weight, operands.bias, node.module);
    operands.rest = {*inner.residual};

    // Rows lie as the second product's.
    Shape shape = graph[node.inputs[0]].type.shape;
    for (ValueId* rows : {&operands.x, &operands.rest[0]}) {
      shape.back() = r.to[*rows].type.shape.back();
      if (shape != r.to[*rows].type.shape)
        *rows = r.to.add_node(Reshape{shape}, {*rows}, before->module);
    }
    Linear op = *second;
    operands.describe(op);
    return r.to.add_node(op, operands.list(), node.module);
  });
}

}  // namespace drypoint
