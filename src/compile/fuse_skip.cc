#include "compile/known_weights.h"
#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

/// A product of pixels that adds up with a feature map, and whose channels kernels can cut.
const Linear* as_skip(const Graph& graph, const Node& node) {
  const auto* linear = std::get_if<Linear>(&node.op);
  if (!linear || !linear->residual || linear->normed || linear->gated || linear->select ||
      linear->scale >= 0 || linear->groups != 1 || !has_known_weights(graph, node, linear->bias))
    return nullptr;
  const bool cuts = graph[node.inputs[0]].type.shape.back() % 8 == 0 &&
                    (!linear->joined || graph[node.inputs.back()].type.shape.back() % 8 == 0);
  return cuts ? linear : nullptr;
}

/// The convolution that made this feature map for nobody else, if it can take the product in.
const Node* convolution_of(const Graph& graph, const std::vector<int>& uses, ValueId id) {
  const Node* node = uses[id] == 1 ? graph.producer(id) : nullptr;
  const auto* conv = node ? std::get_if<Conv2d>(&node->op) : nullptr;
  if (!conv || conv->doubled || conv->joined || conv->select || conv->scale >= 0 ||
      conv->residual || conv->groups != 1 || conv->activation != ActivationKind::none)
    return nullptr;
  return has_known_weights(graph, *node, conv->bias) &&
                 graph[node->inputs[0]].type.shape.back() % 8 == 0
             ? node
             : nullptr;
}

}  // namespace

Graph fuse_skip(const Graph& graph) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const Linear* skip = as_skip(graph, node);
    const Node* before = skip ? convolution_of(graph, uses, node.inputs[2u + skip->bias]) : nullptr;
    if (!before || graph[before->output].rate != graph[node.output].rate) return -1;
    Conv2d conv = std::get<Conv2d>(before->op);
    const Shape& filters = graph[before->inputs[1]].type.shape;

    const ValueId rows = r.to.add_node(Reshape{{filters[0], filters[1] * filters[2] * filters[3]}},
                                       {r(before->inputs[1])}, before->module);
    const ValueId weight = r.to.add_node(Concat{1}, {rows, r(node.inputs[1])}, before->module);
    std::vector<ValueId> inputs{r(before->inputs[0]), weight};
    if (conv.bias && skip->bias)
      inputs.push_back(
          r.to.add_node(Add{}, {r(before->inputs[2]), r(node.inputs[2])}, before->module));
    else if (conv.bias || skip->bias)
      inputs.push_back(r((conv.bias ? before : &node)->inputs[2]));
    inputs.push_back(r(node.inputs[0]));
    if (skip->joined) inputs.push_back(r(node.inputs.back()));

    conv.bias = conv.bias || skip->bias;
    conv.activation = skip->activation;
    conv.joined = skip->joined ? 2 : 1;
    conv.height = filters[2], conv.width = filters[3];
    return r.to.add_node(conv, inputs, before->module);
  });
}

}  // namespace drypoint
