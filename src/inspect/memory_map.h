// Where a plan's values lie, and when.
#pragma once

#include "drypoint/inspect_graph.h"
#include "plan/plan.h"

namespace drypoint {

/// Told from the plan alone: places, and who reads what. A view belongs to the block that it is a
/// view of.
MemoryMap memory_map(const Plan& plan);

/// An SVG: operations from left to right, offsets from bottom to top, kept memory below scratch.
std::string memory_plot(const MemoryMap& map, const std::string& title);

}  // namespace drypoint
