// Graph to plan.
#pragma once

#include <functional>

#include "compile/passes.h"
#include "ops/target.h"
#include "plan/plan.h"

namespace drypoint {

/// Called with each pass's name and the graph after it; the first call is ("built", graph).
using PassObserver = std::function<void(std::string_view pass, const Graph& after)>;

/// Runs all passes that the target wants, with the verifier after each, and makes the plan.
Plan compile(Graph graph, const Target& target = {}, const PassObserver& observer = {},
             const CompileOptions& options = {});

/// Sorts the nodes by how often they must run: at loading, for each picture, at each step.
Plan schedule(const Graph& graph);

/// Spreads the steps over the main stream and `aux` others: the longest chain of each section stays
/// on the main one, and what it does not wait for at once moves beside it, as early as it can run.
void assign_streams(Plan& plan, int aux);

/// Gives every value that is not a weight its place.
void assign_memory(Plan& plan);

}  // namespace drypoint
