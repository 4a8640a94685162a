#include "compile/compile.h"

#include "graph/rewrite.h"

namespace drypoint {

std::span<const Pass> passes() {
  static constexpr Pass all[] = {
      {"lower_pointwise", lower_pointwise},
      {"fuse_bias", fuse_bias},
      {"deduplicate", deduplicate},
      {"delay_rows", delay_rows},
      {"merge_projections", merge_projections},
      {"fuse_residual", fuse_residual},
      {"fuse_activation", fuse_activation},
  };
  return all;
}

Plan compile(Graph graph, const PassObserver& observer) {
  verify(graph, "building");
  if (observer) observer("built", graph);
  for (const Pass& pass : passes()) {
    graph = pass.run(graph);
    verify(graph, pass.name);
    if (observer) observer(pass.name, graph);
  }
  Plan plan = schedule(graph);
  assign_memory(plan);
  return plan;
}

}  // namespace drypoint
