#include "diffusion/phases.h"

#include <algorithm>

#include "diffusion/request/compat.h"

namespace drypoint {

Phases phases_of(const Request& request, std::span<const Unit> units, bool guided,
                 const SamplerTable& table) {
  Phases phases;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const auto counts = [&](double start, double end) {
      return counts_in(request.compat, start, end, table, row);
    };
    Phase phase{.units = {},
                .guided = guided && counts(request.guidance_start, request.guidance_end)};
    for (size_t i = 0; i < units.size(); ++i)
      if (counts(units[i].settings.start, units[i].settings.end)) phase.units.push_back(i);
    const auto known = std::ranges::find(phases.all, phase);
    phases.of_row.push_back(static_cast<size_t>(known - phases.all.begin()));
    if (known == phases.all.end()) phases.all.push_back(std::move(phase));
  }
  return phases;
}

DenoiserShape shape_in(const Phase& phase, DenoiserShape shape, std::span<const Unit> units) {
  if (!phase.guided && shape.prompts > 1) {
    shape.contexts /= shape.prompts;
    shape.prompts = 1;
    shape.negative_length = 0;
    shape.rescaled = false;
  }
  shape.controls.clear();
  for (const size_t i : phase.units)
    shape.controls.push_back({.net = units[i].net,
                              .positive_only = phase.guided && units[i].positive_only,
                              .pooled = units[i].pooled,
                              .in_region = !units[i].region.pixels.empty()});
  return shape;
}

}  // namespace drypoint
