#include "plan/plan.h"

#include <fmt/ranges.h>

namespace drypoint {

std::string to_string(const Plan& plan) {
  const auto place = [&](ValueId id) {
    const PlanValue& value = plan.values[id];
    switch (value.place.space) {
      case Space::weight: return value.weight.empty() ? fmt::format("%{}", id) : value.weight;
      case Space::kept: return fmt::format("kept+{}", value.place.offset);
      case Space::scratch: return fmt::format("scratch+{}", value.place.offset);
    }
    return std::string();
  };
  std::string text =
      fmt::format("kept {} bytes, scratch {} bytes\n", plan.kept_bytes, plan.scratch_bytes);
  for (Rate rate : {Rate::load, Rate::picture, Rate::step}) {
    text += fmt::format("{}:\n", name(rate));
    for (const PlanOp& step : plan.section(rate)) {
      std::vector<std::string> inputs;
      for (ValueId id : step.inputs) inputs.push_back(place(id));
      text += fmt::format("  {} {} = {} ({}) # {}", place(step.output),
                          to_string(plan.values[step.output].type), to_string(step.op),
                          fmt::join(inputs, ", "), step.module);
      if (plan.streams > 1) text += fmt::format(", stream {}", step.stream);
      if (!step.after.empty()) text += fmt::format(" after {}", fmt::join(step.after, ", "));
      text += '\n';
    }
  }
  return text;
}

}  // namespace drypoint
