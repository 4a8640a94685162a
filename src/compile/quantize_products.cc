#include "compile/candidates.h"
#include "compile/passes.h"
#include "graph/rewrite.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

/// Scales for x, from calibration where there is one; none where x cannot be quantised without.
std::optional<ValueId> scales_for(Graph& graph, const Quantization& quantization, ValueId x,
                                  const Node& node) {
  const auto known = quantization.ranges.find(node.module);
  if (known != quantization.ranges.end())
    return graph.add_node(Constant{scale_of(known->second, quantization.type)}, {}, node.module);
  if (quantization.type == DType::f8) return graph.add_node(Constant{1}, {}, node.module);
  if (!std::holds_alternative<Linear>(node.op)) return std::nullopt;  // windows share pixels
  const TensorType& type = graph[x].type;
  return graph.add_node(Scales{quantization.type, type.elements() / type.shape.back()}, {x},
                        node.module);
}

/// The product with x rounded where it was made, before views of it.
template <class Product>
ValueId quantized_product(Rewriter& r, const Quantization& quantization, const Node& node,
                          Product op) {
  const ValueId source = before_views(r.from, node.inputs[0]);
  const auto scales = scales_for(r.to, quantization, r(source), node);
  if (!scales) return -1;
  ProductOperands operands(op, r.mapped(node.inputs));
  operands.x = r.to.add_node(Quantize{quantization.type}, {r(source), *scales}, node.module);
  if (const Shape& shape = r.from[node.inputs[0]].type.shape; shape != r.to[operands.x].type.shape)
    operands.x = r.to.add_node(Reshape{shape}, {operands.x}, node.module);
  operands.input_scales = *scales;
  operands.describe(op);
  return r.to.add_node(op, operands.list(), node.module);
}

}  // namespace

Graph quantize_products(const Graph& graph, const PassContext& context) {
  if (!context.options.quantization) return graph;
  const Quantization& quantization = *context.options.quantization;
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (!is_candidate(graph, uses, node) || quantization.kept.contains(node.module)) return -1;
    if (const auto* conv = std::get_if<Conv2d>(&node.op))
      return quantized_product(r, quantization, node, *conv);
    return quantized_product(r, quantization, node, std::get<Linear>(node.op));
  });
}

}  // namespace drypoint
