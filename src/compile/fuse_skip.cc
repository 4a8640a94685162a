#include "compile/known_weights.h"
#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

using Operands = ProductOperands<ValueId>;

bool has_whole_vectors(const Graph& graph, const PassContext& context, ValueId id) {
  return context.whole_vectors(graph[id].type.shape.back());
}

/// A product of pixels that adds up with a feature map, and whose channels kernels can cut.
const Linear* as_skip(const Graph& graph, const PassContext& context, const Node& node) {
  const auto* linear = std::get_if<Linear>(&node.op);
  if (!linear || linear->normed || linear->groups != 1) return nullptr;
  const Epilogue& epilogue = linear->epilogue;
  if (epilogue.dequantize || !epilogue.residual || epilogue.gate || epilogue.select ||
      epilogue.scale >= 0)
    return nullptr;
  const Operands operands(*linear, node.inputs);
  const bool cuts = has_whole_vectors(graph, context, operands.x) &&
                    (!linear->concat || has_whole_vectors(graph, context, operands.rest[0]));
  return cuts && has_known_weights(graph, operands) ? linear : nullptr;
}

/// The convolution that made this feature map for nobody else, if it can take the product in.
const Node* convolution_of(const Graph& graph, const PassContext& context,
                           const std::vector<int>& uses, ValueId id) {
  const Node* node = uses[id] == 1 ? graph.producer(id) : nullptr;
  const auto* conv = node ? std::get_if<Conv2d>(&node->op) : nullptr;
  if (!conv || conv->upsample || conv->concat || conv->groups != 1 || conv->epilogue.dequantize ||
      !conv->epilogue.is_open() || conv->epilogue.select)
    return nullptr;
  const Operands operands(*conv, node->inputs);
  return has_known_weights(graph, operands) && has_whole_vectors(graph, context, operands.x)
             ? node
             : nullptr;
}

}  // namespace

Graph fuse_skip(const Graph& graph, const PassContext& context) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const Linear* skip = as_skip(graph, context, node);
    if (!skip) return -1;
    const ValueId sum_with = *Operands(*skip, node.inputs).residual;
    const Node* before = convolution_of(graph, context, uses, sum_with);
    if (!before || graph[before->output].rate != graph[node.output].rate) return -1;
    Conv2d conv = std::get<Conv2d>(before->op);
    const Shape& filters = graph[before->inputs[1]].type.shape;
    const Operands of_skip(*skip, r.mapped(node.inputs));
    Operands operands(conv, r.mapped(before->inputs));

    const ValueId rows = r.to.add_node(Reshape{{filters[0], filters[1] * filters[2] * filters[3]}},
                                       {operands.weight}, before->module);
    operands.weight = r.to.add_node(Concat{1}, {rows, of_skip.weight}, before->module);
    if (operands.bias && of_skip.bias)
      operands.bias = r.to.add_node(Add{}, {*operands.bias, *of_skip.bias}, before->module);
    else if (of_skip.bias)
      operands.bias = of_skip.bias;
    operands.rest = {of_skip.x};
    operands.rest.insert(operands.rest.end(), of_skip.rest.begin(), of_skip.rest.end());

    conv.epilogue.activation = skip->epilogue.activation;
    conv.height = filters[2], conv.width = filters[3];
    operands.describe(conv);
    return r.to.add_node(conv, operands.list(), before->module);
  });
}

}  // namespace drypoint
