#include "compile/compile.h"

#include <algorithm>

#include "graph/rewrite.h"

namespace drypoint {

namespace {

bool all_targets(const Target& /*target*/) { return true; }
template <bool FusedForms::*form>
bool having(const Target& target) {
  return target.fused.*form;
}
bool computing_in_less_than_f32(const Target& target) { return target.precision != DType::f32; }

}  // namespace

std::span<const Pass> passes() {
  static constexpr Pass all[] = {
      {"lower_pointwise", lower_pointwise, all_targets},
      {"fuse_bias", fuse_bias, all_targets},
      {"deduplicate", deduplicate, all_targets},
      {"delay_rows", delay_rows, all_targets},
      {"merge_projections", merge_projections, all_targets},
      {"fuse_residual", fuse_residual, all_targets},
      {"fuse_activation", fuse_activation, all_targets},
      {"quantize_products", quantize_products, having<&FusedForms::dequantize>},
      {"watch_products", watch_products, all_targets},
      {"fuse_upsample", fuse_upsample, having<&FusedForms::upsample>},
      {"fuse_concat", fuse_concat, having<&FusedForms::concat>},
      {"fuse_skip", fuse_skip, having<&FusedForms::concat>},
      {"chain_products", chain_products, having<&FusedForms::concat>},
      {"fuse_gate", fuse_gate, having<&FusedForms::gate>},
      {"fuse_quantize", fuse_quantize, having<&FusedForms::quantize>},
      {"fold_layer_norm", fold_layer_norm, having<&FusedForms::row_scale>},
      {"fuse_scale", fuse_scale, having<&FusedForms::scale>},
      {"fuse_select", fuse_select, having<&FusedForms::select>},
      {"pair_twins", pair_twins, having<&FusedForms::groups>},
      {"lower_precision", lower_precision, computing_in_less_than_f32},
  };
  return all;
}

Plan compile(Graph graph, const Target& target, const PassObserver& observer,
             const CompileOptions& options) {
  const auto after = [&](std::string_view pass) {
    verify(graph, pass);
    if (observer) observer(pass, graph);
  };
  after("built");
  if (std::ranges::find(target.dtypes, target.precision) == target.dtypes.end())
    fail(ErrorKind::unsupported, "precision {}: the target has no kernels for it",
         name(target.precision));
  const Quantization* quantization = options.quantization;
  if (quantization &&
      std::ranges::find(target.eight_bits, quantization->type) == target.eight_bits.end())
    fail(ErrorKind::unsupported, "products of {}: the target has no kernels for them",
         name(quantization->type));
  const PassContext context{target, options};
  for (const Pass& pass : passes()) {
    if (!pass.is_for(target)) continue;
    graph = pass.run(graph, context);
    after(pass.name);
  }
  Plan plan = schedule(graph);
  assign_streams(plan, target.aux_streams);
  assign_memory(plan);
  return plan;
}

}  // namespace drypoint
