#include "compile/passes.h"
#include "graph/rewrite.h"
#include "ops/product.h"

namespace drypoint {

Graph fuse_scale(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto* sum = std::get_if<AddScaled>(&node.op);
    if (!sum || uses[node.inputs[1]] != 1) return -1;
    const Node* producer = graph.producer(node.inputs[1]);
    const auto* linear = producer ? std::get_if<Linear>(&producer->op) : nullptr;
    if (!linear || !linear->epilogue.is_open() || linear->concat ||
        graph[producer->output].rate != graph[node.output].rate)
      return -1;
    ProductOperands operands(*linear, r.mapped(producer->inputs));
    operands.residual = r(node.inputs[0]);
    operands.scales = r(node.inputs[2]);
    Linear op = *linear;
    op.epilogue.scale = sum->index;
    operands.describe(op);
    return r.to.add_node(op, operands.list(), producer->module);
  });
}

}  // namespace drypoint
