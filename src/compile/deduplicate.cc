#include "compile/passes.h"
#include "graph/rewrite.h"

namespace drypoint {

Graph deduplicate(const Graph& graph, const PassContext& /*context*/) {
  std::multimap<std::vector<ValueId>, const Node*> seen;  // by inputs in the new graph
  return rewrite(graph, [&](Rewriter& r, const Node& node) -> ValueId {
    const auto inputs = r.mapped(node.inputs);
    for (auto [it, end] = seen.equal_range(inputs); it != end; ++it)
      if (it->second->op == node.op) return r(it->second->output);
    seen.emplace(inputs, &node);
    return -1;
  });
}

}  // namespace drypoint
