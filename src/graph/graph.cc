#include "graph/graph.h"

#include <fmt/ranges.h>

#include <algorithm>

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
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", node.module, error.what());
  }
  values.push_back(std::move(result));
  nodes.push_back(std::move(node));
  return nodes.back().output;
}

std::string to_string(const Graph& graph) {
  std::string text;
  const auto reference = [&](ValueId id) {
    const Value& value = graph[id];
    return value.source == Value::Source::node ? fmt::format("%{}", id) : value.name;
  };
  for (const auto& [name, id] : graph.inputs)
    text += fmt::format("{} {} {} = input\n", name, to_string(graph[id].type),
                        drypoint::name(graph[id].rate));
  for (const Node& node : graph.nodes) {
    std::vector<std::string> inputs;
    for (ValueId id : node.inputs) inputs.push_back(reference(id));
    text += fmt::format("%{} {} {} = {} ({}) # {}\n", node.output,
                        to_string(graph[node.output].type), name(graph[node.output].rate),
                        to_string(node.op), fmt::join(inputs, ", "), node.module);
  }
  for (const auto& [name, id] : graph.outputs)
    text += fmt::format("{} = output {}\n", name, reference(id));
  return text;
}

void verify(const Graph& graph, std::string_view after) {
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
                        (!of_picture || result.type.shape.at(0) % graph.pictures == 0),
                    "after {}: {} {} has not rows for each of {} pictures", after, node.module,
                    to_string(result.type), graph.pictures);
    const TensorType type = infer(node.op, graph.input_types(node));
    DRYPOINT_EXPECT(type == result.type, "after {}: {} has type {}, expected {}", after,
                    node.module, to_string(result.type), to_string(type));
  }
}

}  // namespace drypoint
