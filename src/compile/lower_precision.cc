#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {

Graph lower_precision(const Graph& graph, const PassContext& context) {
  const DType precision = context.target.precision;
  std::map<ValueId, ValueId> lowered;  // values of the new graph
  const auto lower_sums = [&](auto& product) {
    if (product.epilogue.dequantize) product.epilogue.to = precision;
  };
  const auto lower = [&](Rewriter& r, ValueId id, const std::string& module) {
    if (r.to[id].rate == Rate::load || r.to[id].type.dtype != DType::f32) return id;
    const auto [known, is_new] = lowered.emplace(id, -1);
    if (is_new) known->second = r.to.add_node(Cast{precision}, {id}, module);
    return known->second;
  };
  Graph result = rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    if (graph[node.output].rate == Rate::load) return -1;
    auto inputs = r.mapped(node.inputs);
    for (int i : inputs_of_own_precision(node.op, inputs.size()))
      inputs[i] = lower(r, inputs[i], node.module);
    Op op = node.op;
    if (auto* linear = std::get_if<Linear>(&op)) lower_sums(*linear);
    if (auto* conv = std::get_if<Conv2d>(&op)) lower_sums(*conv);
    return r.to.add_node(op, inputs, node.module);
  });
  for (auto& [name, id] : result.outputs)
    if (result[id].type.dtype == precision) id = result.add_node(Cast{DType::f32}, {id}, name);
  return result;
}

}  // namespace drypoint
