// The graph: plain data. Nodes in execution order, each with one result; values are numbered.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ops/ops.h"

namespace drypoint {

using ValueId = int32_t;

/// How often a value changes: never after loading, with each picture, or with each step of its
/// denoising. A node's result changes as often as the fastest of its inputs.
enum class Rate : uint8_t { load, picture, step };
std::string_view name(Rate rate);

struct Value {
  enum class Source : uint8_t { input, weight, node };
  TensorType type;
  Source source = Source::node;
  Rate rate = Rate::load;
  bool of_picture = false;  // has rows for each of the graph's pictures; else they share it
  std::string name;         // of an input or, in the checkpoint, of a weight
  int32_t node = -1;        // that computes it, if one does

  bool operator==(const Value&) const = default;
};

struct Node {
  Op op;
  std::vector<ValueId> inputs;
  ValueId output = -1;
  std::string module;  // as in the checkpoint: "model.diffusion_model.input_blocks.1.0.in_layers.2"

  bool operator==(const Node&) const = default;
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::map<std::string, ValueId> inputs, weights, outputs;
  int64_t pictures = 1;  // computed together
  /// Modules of the same structure with other weights, by their prefixes.
  std::vector<std::pair<std::string, std::string>> twins;

  const Value& operator[](ValueId id) const { return values[id]; }
  const Node* producer(ValueId id) const {
    return values[id].node < 0 ? nullptr : &nodes[values[id].node];
  }
  std::vector<TensorType> input_types(const Node& node) const;
  /// How many nodes and outputs read each value.
  std::vector<int> use_counts() const;

  ValueId add_input(const std::string& name, TensorType type, Rate rate, bool of_picture = false);
  ValueId add_weight(const std::string& name, TensorType type);  // one value per name
  /// Infers the result's type and rate, and whose it is. Throws bad_argument naming module and
  /// operation.
  ValueId add_node(Op op, std::vector<ValueId> reads, std::string module);

  bool operator==(const Graph&) const = default;
};

/// Throws if the graph breaks its own rules: order, types, rates, pictures, dangling values.
void verify(const Graph& graph, std::string_view after);

}  // namespace drypoint
