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
      {"fuse_upsample", fuse_upsample, true},
      {"fuse_concat", fuse_concat, true},
      {"fuse_skip", fuse_skip, true},
      {"chain_products", chain_products, true},
      {"fuse_gate", fuse_gate, true},
      {"fold_layer_norm", fold_layer_norm, true},
      {"fuse_scale", fuse_scale, true},
      {"fuse_select", fuse_select, true},
      {"pair_twins", pair_twins, true},
  };
  return all;
}

Plan compile(Graph graph, const Target& target, const PassObserver& observer) {
  const auto after = [&](std::string_view pass) {
    verify(graph, pass);
    if (observer) observer(pass, graph);
  };
  after("built");
  for (const Pass& pass : passes()) {
    if (pass.only_where_launches_cost && !target.launches_cost) continue;
    graph = pass.run(graph);
    after(pass.name);
  }
  if (target.precision != DType::f32) {
    graph = lower_precision(graph, target.precision);
    after("lower_precision");
  }
  Plan plan = schedule(graph);
  assign_streams(plan, target.aux_streams);
  assign_memory(plan);
  return plan;
}

}  // namespace drypoint
