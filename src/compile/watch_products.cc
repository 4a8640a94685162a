#include "compile/candidates.h"
#include "compile/passes.h"

namespace drypoint {
namespace {

bool is_quantised(const Node& node) {
  const auto* conv = std::get_if<Conv2d>(&node.op);
  const auto* linear = std::get_if<Linear>(&node.op);
  return (conv && conv->epilogue.dequantize) || (linear && linear->epilogue.dequantize);
}

/// What a product reads, before views and rounding.
ValueId input_of(const Graph& graph, const Node& node) {
  const ValueId x = before_views(graph, node.inputs[0]);
  const Node* producer = graph.producer(x);
  return producer && std::holds_alternative<Quantize>(producer->op) ? producer->inputs[0] : x;
}

}  // namespace

Graph watch_products(const Graph& graph, const PassContext& context) {
  const Watched watched = context.options.watched;
  if (!watched.inputs && !watched.results) return graph;
  const auto uses = graph.use_counts();
  Graph result = graph;
  // A module that computes twice in a step is watched where it does so first.
  for (const Node& node : graph.nodes) {
    if (!is_quantised(node) && !is_candidate(graph, uses, node)) continue;
    if (watched.inputs)
      result.outputs.emplace(std::string(watched_input) + node.module, input_of(graph, node));
    if (watched.results)
      result.outputs.emplace(std::string(watched_result) + node.module, node.output);
  }
  return result;
}

}  // namespace drypoint
