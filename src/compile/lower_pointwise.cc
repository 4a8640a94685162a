#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {

Graph lower_pointwise(const Graph& graph, const PassContext& /*context*/) {
  return rewrite(graph, [](Rewriter& r, const Node& node) -> ValueId {
    const auto* conv = std::get_if<Conv2d>(&node.op);
    if (!conv || conv->stride != 1 || conv->top || conv->left || conv->bottom || conv->right)
      return -1;
    const Shape& weight = r.from[node.inputs[1]].type.shape;
    if (weight[2] != 1 || weight[3] != 1) return -1;
    auto inputs = r.mapped(node.inputs);
    inputs[1] = r.to.add_node(Reshape{{weight[0], weight[1]}}, {inputs[1]}, node.module);
    return r.to.add_node(Linear{conv->epilogue}, inputs, node.module);
  });
}

}  // namespace drypoint
