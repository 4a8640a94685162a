// Two modules of the same structure, such as a ControlNet and the encoder it was copied from, do
// the same work with other weights. Here each of their nodes joins its twin: the rows of one lie
// before those of the other, and weights become pairs (`groups` of `Conv2d` and `Linear`). Where
// only one of the two is wanted, a `Slice` gives it.
#include <set>

#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {
namespace {

class Pairing {
 public:
  explicit Pairing(const Graph& graph) : r_(graph), twin_(graph.values.size(), -1) {
    for (const auto& [first, second] : graph.twins) find_twins(first, second);
  }

  Graph run() {
    for (const auto& [name, id] : r_.from.outputs) r_.to.outputs[name] = alone(id);
    return without_dead_nodes(r_.to);
  }

 private:
  bool can_pair(const Node& a, const Node& b) const {
    const Value &x = r_.from[a.output], &y = r_.from[b.output];
    if (x.rate != Rate::step || y.rate != Rate::step || x.type != y.type || !(a.op == b.op) ||
        !paired(a.op) || a.inputs.size() != b.inputs.size())
      return false;
    for (size_t i = 0; i < a.inputs.size(); ++i)
      if (r_.from[a.inputs[i]].type != r_.from[b.inputs[i]].type ||
          (paired_input(a.op, static_cast<int>(i)) == PairedInput::shared &&
           a.inputs[i] != b.inputs[i]))
        return false;
    return true;
  }

  /// Twins do the same in modules whose names differ in the prefix alone.
  void find_twins(const std::string& first, const std::string& second) {
    std::map<std::string, std::vector<const Node*>> of_first, of_second;
    for (const Node& node : r_.from.nodes) {
      if (r_.from[node.output].rate != Rate::step) continue;
      if (node.module.starts_with(first + "."))
        of_first[node.module.substr(first.size())].push_back(&node);
      if (node.module.starts_with(second + "."))
        of_second[node.module.substr(second.size())].push_back(&node);
    }
    for (const auto& [module, nodes] : of_first) {
      const auto& others = of_second[module];
      for (size_t i = 0; i < nodes.size() && nodes.size() == others.size(); ++i)
        if (can_pair(*nodes[i], *others[i])) {
          twin_[nodes[i]->output] = others[i]->output;
          twin_[others[i]->output] = nodes[i]->output;
          first_.insert(nodes[i]->output);
        }
    }
  }

  /// A value of the old graph in the new one.
  ValueId alone(ValueId id) {
    const Node* node = r_.from.producer(id);
    if (!node || r_(id) >= 0) return r_(id);
    if (twin_[id] < 0) {
      for (ValueId input : node->inputs) alone(input);
      r_.set(id, r_.copy(*node));
    } else {
      const bool is_first = first_.contains(id);
      const int64_t rows = r_.from[id].type.shape[0];
      const ValueId both = together(is_first ? id : twin_[id], is_first ? twin_[id] : id);
      r_.set(id, r_.to.add_node(Slice{is_first ? 0 : rows, rows}, {both}, node->module));
    }
    return r_(id);
  }

  /// Two values of the old graph, the rows of `b` after those of `a`.
  ValueId together(ValueId a, ValueId b, int64_t axis = 0) {
    const auto [known, is_new] = together_.emplace(std::tuple{a, b, axis}, -1);
    if (!is_new) return known->second;
    const Node* node = r_.from.producer(a);
    ValueId both = -1;
    if (axis == 0 && twin_[a] == b && first_.contains(a)) {
      const Node* other = r_.from.producer(b);
      std::vector<ValueId> inputs;
      for (size_t i = 0; i < node->inputs.size(); ++i) {
        const PairedInput part = paired_input(node->op, static_cast<int>(i));
        inputs.push_back(part == PairedInput::shared
                             ? alone(node->inputs[i])
                             : together(node->inputs[i], other->inputs[i],
                                        part == PairedInput::columns ? -1 : 0));
      }
      both = r_.to.add_node(*paired(node->op), inputs, other->module);
    } else {
      const std::string module = node ? node->module : r_.from[a].name;
      both = r_.to.add_node(Concat{axis}, {alone(a), alone(b)}, module);
    }
    return together_[{a, b, axis}] = both;
  }

  Rewriter r_;
  std::vector<ValueId> twin_;
  std::set<ValueId> first_;  // those of a pair whose rows come first
  std::map<std::tuple<ValueId, ValueId, int64_t>, ValueId> together_;
};

}  // namespace

Graph pair_twins(const Graph& graph, const PassContext& /*context*/) {
  return graph.twins.empty() ? graph : Pairing(graph).run();
}

}  // namespace drypoint
