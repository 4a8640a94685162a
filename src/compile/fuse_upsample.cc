#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// A 3x3 convolution as the models have it after an enlargement, with nothing at its end.
bool can_double(const Conv2d& conv, const Shape& weight) {
  return weight[2] == 3 && weight[3] == 3 && conv.stride == 1 && conv.top == 1 && conv.left == 1 &&
         conv.bottom == 1 && conv.right == 1 && conv.groups == 1 && conv.epilogue.is_open();
}

}  // namespace

Graph fuse_upsample(const Graph& graph, const PassContext& /*context*/) {
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto* conv = std::get_if<Conv2d>(&node.op);
    const Node* producer = conv ? graph.producer(node.inputs[0]) : nullptr;
    if (!producer || !std::holds_alternative<Upsample>(producer->op)) return -1;
    const Shape &small = graph[producer->inputs[0]].type.shape,
                &large = graph[node.inputs[0]].type.shape;
    if (large[1] != 2 * small[1] || large[2] != 2 * small[2] ||
        !can_double(*conv, graph[node.inputs[1]].type.shape))
      return -1;
    Conv2d op = *conv;
    op.upsample = true;
    auto inputs = r.mapped(node.inputs);
    inputs[0] = r(producer->inputs[0]);
    return r.to.add_node(op, inputs, node.module);
  });
}

}  // namespace drypoint
