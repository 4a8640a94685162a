#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {

Graph fuse_gate(const Graph& graph, const PassContext& context) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (!std::holds_alternative<GatedGelu>(node.op) || uses[node.inputs[0]] != 1) return -1;
    const Node* producer = graph.producer(node.inputs[0]);
    const auto* linear = producer ? std::get_if<Linear>(&producer->op) : nullptr;
    if (!linear || !linear->epilogue.is_open() || linear->epilogue.gate) return -1;
    if (!context.whole_vectors(graph[node.output].type.shape.back())) return -1;
    Linear op = *linear;
    op.epilogue.gate = true;
    return r.to.add_node(op, r.mapped(producer->inputs), producer->module);
  });
}

}  // namespace drypoint
