#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {

Graph fuse_scale(const Graph& graph) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto* sum = std::get_if<AddScaled>(&node.op);
    if (!sum || uses[node.inputs[1]] != 1) return -1;
    const Node* producer = graph.producer(node.inputs[1]);
    const auto* linear = producer ? std::get_if<Linear>(&producer->op) : nullptr;
    if (!linear || linear->residual || linear->joined ||
        linear->activation != ActivationKind::none ||
        graph[producer->output].rate != graph[node.output].rate)
      return -1;
    Linear op = *linear;
    op.residual = true;
    op.scale = sum->index;
    auto inputs = r.mapped(producer->inputs);
    inputs.push_back(r(node.inputs[0]));
    inputs.push_back(r(node.inputs[2]));
    return r.to.add_node(op, inputs, producer->module);
  });
}

}  // namespace drypoint
