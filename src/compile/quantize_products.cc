#include "compile/candidates.h"
#include "compile/passes.h"
#include "graph/rewrite.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

/// Scales for x, from calibration where there is one; none where x cannot be quantised without.
std::optional<ValueId> scales_for(Graph& graph, const Quantization& quantization, ValueId x,
                                  const Node& node, bool has_factors) {
  const bool needs_factors = quantization.smoothed.contains(node.module);
  const auto known = quantization.ranges.find(node.module);
  if (known != quantization.ranges.end() && (!needs_factors || has_factors))
    return graph.add_node(Constant{scale_of(known->second, quantization.type)}, {}, node.module);
  if (quantization.type == DType::f8) return graph.add_node(Constant{1}, {}, node.module);
  if (!std::holds_alternative<Linear>(node.op)) return std::nullopt;  // windows share pixels
  const TensorType& type = graph[x].type;
  return graph.add_node(Scales{quantization.type, type.elements() / type.shape.back()}, {x},
                        node.module);
}

/// values [..., K] times factors [K], all of weights.
ValueId with_factors(Graph& graph, ValueId values, std::string_view factors,
                     const std::string& module) {
  const Shape shape = graph[values].type.shape;
  const int64_t columns = shape.back(), rows = element_count(shape) / columns;
  const ValueId plane = graph.add_weight(module + std::string(factors), {DType::f32, {columns}});
  const auto reshaped = [&](ValueId id, Shape to) {
    return graph.add_node(Reshape{std::move(to)}, {id}, module);
  };
  const ValueId product = graph.add_node(
      MultiplyPlane{},
      {reshaped(values, {rows, 1, columns, 1}), reshaped(plane, {1, 1, columns, 1})}, module);
  return reshaped(product, shape);
}

/// The norm that makes a product's input, with the input's factors in its weights; none if it has
/// none, or is no such norm.
std::optional<ValueId> smoothed_norm(Rewriter& r, const Quantization& quantization,
                                     const Node& norm, const Node& product) {
  const std::string& module = product.module;
  if (!quantization.smoothed.contains(module) || !takes_factors(norm.op) ||
      !std::holds_alternative<Linear>(product.op))
    return std::nullopt;
  std::vector<ValueId> inputs = r.mapped(norm.inputs);
  for (const size_t weight : {1, 2})
    inputs[weight] = with_factors(r.to, inputs[weight], input_factors, module);
  return r.to.add_node(norm.op, inputs, norm.module);
}

/// The product with x rounded where it was made, before views of it.
template <class Product>
ValueId quantized_product(Rewriter& r, const Quantization& quantization, const Node& node,
                          Product op) {
  const ValueId source = before_views(r.from, node.inputs[0]);
  const auto smoothed = smoothed_norm(r, quantization, *r.from.producer(source), node);
  const ValueId x = smoothed.value_or(r(source));
  const auto scales = scales_for(r.to, quantization, x, node, smoothed.has_value());
  if (!scales) return -1;
  ProductOperands operands(op, r.mapped(node.inputs));
  if (smoothed) operands.weight = with_factors(r.to, operands.weight, weight_factors, node.module);
  operands.x = r.to.add_node(Quantize{quantization.type}, {x, *scales}, node.module);
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
