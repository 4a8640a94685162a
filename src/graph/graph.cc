#include "graph/graph.h"

#include <algorithm>

#include "tensor/shape.h"

namespace drypoint {

std::string_view name(Rate rate) {
  switch (rate) {
    case Rate::load: return "load";
    case Rate::picture: return "picture";
    case Rate::step: return "step";
  }
  return "unknown";
}

std::vector<TensorType> Graph::input_types(const Node& node) const {
  std::vector<TensorType> types;
  for (ValueId id : node.inputs) types.push_back(values[id].type);
  return types;
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> counts(values.size());
  for (const Node& node : nodes)
    for (ValueId id : node.inputs) ++counts[id];
  for (const auto& [_, id] : outputs) ++counts[id];
  return counts;
}

ValueId Graph::add_input(const std::string& input, TensorType type, Rate rate, bool of_picture) {
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({std::move(type), Value::Source::input, rate, of_picture, input});
  inputs[input] = id;
  return id;
}

ValueId Graph::add_weight(const std::string& weight, TensorType type) {
  if (auto known = weights.find(weight); known != weights.end()) {
    if (values[known->second].type != type)
      fail(ErrorKind::internal, "weight {}: declared as {} and as {}", weight,
           to_string(values[known->second].type), to_string(type));
    return known->second;
  }
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({std::move(type), Value::Source::weight, Rate::load, false, weight});
  weights[weight] = id;
  return id;
}

ValueId Graph::add_node(Op op, std::vector<ValueId> reads, std::string module) {
  Node node{std::move(op), std::move(reads), static_cast<ValueId>(values.size()),
            std::move(module)};
  Value result;
  result.node = static_cast<int32_t>(nodes.size());
  for (ValueId id : node.inputs) {
    result.rate = std::max(result.rate, values[id].rate);
    result.of_picture = result.of_picture || values[id].of_picture;
  }
  try {
    result.type = infer(node.op, input_types(node));
    expect_input(has_sane_size(result.type.shape), drypoint::name(node.op), "a result of {}",
                 result.type.shape);
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", node.module, error.what());
  }
  values.push_back(std::move(result));
  nodes.push_back(std::move(node));
  return nodes.back().output;
}

void verify(const Graph& graph, std::string_view after) {
  for (size_t id = 0; id < graph.values.size(); ++id) {
    const Value& value = graph.values[id];
    if (value.source == Value::Source::node) continue;
    const auto& named = value.source == Value::Source::input ? graph.inputs : graph.weights;
    const auto found = named.find(value.name);
    DRYPOINT_EXPECT(found != named.end() && found->second == static_cast<ValueId>(id),
                    "after {}: %{} is not the value of its name, {}", after, id, value.name);
    DRYPOINT_EXPECT(!graph.inputs.contains(value.name) || !graph.weights.contains(value.name),
                    "after {}: {} is an input and a weight", after, value.name);
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const Value& result = graph[node.output];
    DRYPOINT_EXPECT(result.node == static_cast<int32_t>(i), "after {}: {} does not own its result",
                    after, node.module);
    Rate rate = Rate::load;
    bool of_picture = false;
    for (ValueId id : node.inputs) {
      DRYPOINT_EXPECT(id >= 0 && id < node.output, "after {}: {} reads %{} before it is there",
                      after, node.module, id);
      rate = std::max(rate, graph[id].rate);
      of_picture = of_picture || graph[id].of_picture;
    }
    DRYPOINT_EXPECT(rate == result.rate, "after {}: {} has rate {}, expected {}", after,
                    node.module, name(result.rate), name(rate));
    DRYPOINT_EXPECT(of_picture == result.of_picture &&
                        (!of_picture || (!result.type.shape.empty() &&
                                         result.type.shape[0] % graph.pictures == 0)),
                    "after {}: {} {} has not rows for each of {} pictures", after, node.module,
                    to_string(result.type), graph.pictures);
    const TensorType type = infer(node.op, graph.input_types(node));
    DRYPOINT_EXPECT(type == result.type, "after {}: {} has type {}, expected {}", after,
                    node.module, to_string(result.type), to_string(type));
  }
}

}  // namespace drypoint
