// Rebuilding a graph node by node, which is how every pass changes one.
#pragma once

#include <functional>

#include "graph/graph.h"

namespace drypoint {

/// A new graph under construction, with what each old value has become.
class Rewriter {
 public:
  explicit Rewriter(const Graph& from);

  const Graph& from;  ///< the old graph
  Graph to;           ///< the new one: inputs and weights are there from the start

  ValueId operator()(ValueId old) const { return map_[old]; }
  void set(ValueId old, ValueId now) { map_[old] = now; }
  std::vector<ValueId> mapped(const std::vector<ValueId>& old) const;
  /// Copies the node as it is.
  ValueId copy(const Node& node);

 private:
  std::vector<ValueId> map_;
};

/// Rebuilds `graph`. `replace` gives the new value for an old node's result, or -1 to copy the node
/// unchanged. Results that nothing reads any more are left out.
using Replace = std::function<ValueId(Rewriter&, const Node&)>;
Graph rewrite(const Graph& graph, const Replace& replace);

/// The graph without nodes and weights that no output needs.
Graph without_dead_nodes(const Graph& graph);

}  // namespace drypoint
