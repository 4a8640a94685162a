#include "compile/candidates.h"

#include "compile/known_weights.h"

namespace drypoint {
namespace {

// Kernels take 16 of the depth at once, and so many columns.
constexpr int64_t eight_bit_vector = 16;

template <class Product>
bool is_plain(const Graph& graph, const Node& node, const Product& op) {
  if (op.concat > 0 || op.groups != 1 || op.epilogue.dequantize || op.epilogue.quantizes())
    return false;
  const ProductOperands operands(op, node.inputs);
  return graph[operands.weight].rate == Rate::load &&
         graph[operands.x].type.shape.back() % eight_bit_vector == 0 &&
         graph[operands.weight].type.shape[0] % eight_bit_vector == 0;
}

}  // namespace

ValueId before_views(const Graph& graph, ValueId id) {
  const Node* node = graph.producer(id);
  return node && std::holds_alternative<Reshape>(node->op) ? before_views(graph, node->inputs[0])
                                                           : id;
}

bool is_candidate(const Graph& graph, const std::vector<int>& uses, const Node& node) {
  if (graph[node.output].rate != Rate::step) return false;
  const auto* conv = std::get_if<Conv2d>(&node.op);
  const auto* linear = std::get_if<Linear>(&node.op);
  if (conv ? conv->upsample || !is_plain(graph, node, *conv)
           : !linear || linear->normed || !is_plain(graph, node, *linear))
    return false;
  for (ValueId x = node.inputs[0];; x = graph.producer(x)->inputs[0]) {
    const Node* producer = graph.producer(x);
    if (!producer || uses[x] != 1 || graph[x].type.dtype != DType::f32) return false;
    if (std::holds_alternative<Reshape>(producer->op)) continue;
    return std::holds_alternative<GroupNorm>(producer->op) ||
           std::holds_alternative<LayerNorm>(producer->op) ||
           std::holds_alternative<Attention>(producer->op) ||
           std::holds_alternative<GatedGelu>(producer->op);
  }
}

bool takes_factors(const Op& op) {
  if (const auto* norm = std::get_if<GroupNorm>(&op))
    return norm->activation == ActivationKind::none && norm->weight_groups == 1 && !norm->concat;
  const auto* norm = std::get_if<LayerNorm>(&op);
  return norm && norm->weight_groups == 1;
}

}  // namespace drypoint
