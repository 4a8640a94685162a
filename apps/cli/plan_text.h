// What `build` and `inspect` say of a plan.
#pragma once

#include "drypoint/plan.h"
#include "terminal.h"

namespace drypoint::cli {

Json plan_json(const PlanInfo& info);
void print_plan(const PlanInfo& info);

}  // namespace drypoint::cli
