#include "compile/compile.h"

namespace drypoint {

Plan schedule(const Graph& graph) {
  Plan plan;
  plan.inputs = graph.inputs;
  plan.outputs = graph.outputs;
  for (const Value& value : graph.values) {
    PlanValue& planned = plan.values.emplace_back();
    planned.type = value.type;
    if (value.of_picture) planned.pictures = graph.pictures;
    if (value.rate != Rate::load) continue;
    planned.place.space = Space::weight;
    if (value.source == Value::Source::weight) planned.weight = value.name;
  }
  for (const Node& node : graph.nodes) {
    PlanOp step{node.op, node.inputs, node.output, node.module};
    switch (graph[node.output].rate) {
      case Rate::load:
        plan.values[node.output].load_step = static_cast<int32_t>(plan.load.size());
        plan.load.push_back(std::move(step));
        break;
      case Rate::picture: plan.picture.push_back(std::move(step)); break;
      case Rate::step: plan.step.push_back(std::move(step)); break;
    }
  }
  return plan;
}

}  // namespace drypoint
