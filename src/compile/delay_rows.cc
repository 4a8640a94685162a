#include <optional>

#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// A `Select` or `Expand` that makes rows, without what it makes them of.
struct RowMaker {
  Op op;
  std::vector<ValueId> others;  // its inputs but the first
  bool operator==(const RowMaker&) const = default;
};

std::optional<RowMaker> row_maker(const Graph& graph, ValueId id) {
  const Node* node = graph.producer(id);
  if (!node ||
      (!std::holds_alternative<Select>(node->op) && !std::holds_alternative<Expand>(node->op)))
    return std::nullopt;
  return RowMaker{node->op, {node->inputs.begin() + 1, node->inputs.end()}};
}

}  // namespace

Graph delay_rows(const Graph& graph, const PassContext& /*context*/) {
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto rows = row_inputs(node.op, graph.input_types(node));
    if (rows.empty()) return -1;
    auto inputs = r.mapped(node.inputs);
    const auto maker = row_maker(r.to, inputs[rows[0]]);
    if (!maker) return -1;
    for (int i : rows)
      if (row_maker(r.to, inputs[i]) != maker) return -1;

    for (int i : rows) inputs[i] = r.to.producer(inputs[i])->inputs[0];
    Rate rate = Rate::load;
    for (ValueId id : inputs) rate = std::max(rate, r.to[id].rate);
    // Selecting later pays only if everything before it need not be computed at each step.
    if (std::holds_alternative<Select>(maker->op) && rate == Rate::step) return -1;

    Op op = node.op;
    if (auto* reshape = std::get_if<Reshape>(&op))
      reshape->shape[0] = r.to[inputs[0]].type.shape[0];
    std::vector<ValueId> made{r.to.add_node(op, inputs, node.module)};
    made.insert(made.end(), maker->others.begin(), maker->others.end());
    return r.to.add_node(maker->op, made, node.module);
  });
}

}  // namespace drypoint
