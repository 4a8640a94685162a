#include "compile/passes.h"
#include "graph/rewrite.h"
#include "ops/product.h"

namespace drypoint {
namespace {

/// The operation with its result rounded, if it has that form.
template <class T>
std::optional<Op> rounding(T op, DType to) {
  if constexpr (requires { op.epilogue; }) {
    if (op.epilogue.quantizes()) return std::nullopt;
    op.epilogue.quantize = to;
    return op;
  } else if constexpr (requires { op.quantize; }) {
    if (op.quantize != DType::f32) return std::nullopt;
    op.quantize = to;
    return op;
  } else {
    return std::nullopt;
  }
}

/// The operands with the scales of the result among them.
std::vector<ValueId> with_scales(const Op& op, std::vector<ValueId> inputs, ValueId scales) {
  return std::visit(
      [&](const auto& o) {
        if constexpr (requires { o.epilogue; }) {
          ProductOperands operands(o, inputs);
          operands.output_scales = scales;
          return operands.list();
        } else {
          inputs.push_back(scales);
          return inputs;
        }
      },
      op);
}

}  // namespace

Graph fuse_quantize(const Graph& graph, const PassContext& /*context*/) {
  const auto uses = graph.use_counts();
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto* quantize = std::get_if<Quantize>(&node.op);
    const Node* producer = quantize ? graph.producer(node.inputs[0]) : nullptr;
    // Scales of the result's own rows are not known before it is.
    if (!producer || uses[node.inputs[0]] != 1 || graph[node.inputs[1]].rate != Rate::load)
      return -1;
    const auto op =
        std::visit([&](const auto& o) { return rounding(o, quantize->to); }, producer->op);
    if (!op) return -1;
    return r.to.add_node(*op,
                         with_scales(producer->op, r.mapped(producer->inputs), r(node.inputs[1])),
                         producer->module);
  });
}

}  // namespace drypoint
