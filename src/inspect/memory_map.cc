#include "inspect/memory_map.h"

#include <fmt/format.h>

#include <algorithm>

namespace drypoint {
namespace {

class Lives {
 public:
  explicit Lives(const Plan& plan)
      : plan_(plan),
        block_of_(plan.values.size(), -1),
        end_(static_cast<int>(plan.picture.size() + plan.step.size())) {
    for (const auto& [name, id] : plan.inputs) begin(id, 0, name, "input");
    int position = 0;
    for (const auto* section : {&plan.picture, &plan.step})
      for (const PlanOp& step : *section) add(step, position++);
  }

  std::vector<MemoryBlock> blocks() && { return std::move(blocks_); }

 private:
  void begin(ValueId id, int position, const std::string& name, std::string_view kind) {
    const PlanValue& value = plan_.values[id];
    const bool kept = value.place.space == Space::kept;
    block_of_[id] = static_cast<int>(blocks_.size());
    blocks_.push_back({.name = name,
                       .kind = std::string(kind),
                       .type = to_string(value.type),
                       .kept = kept,
                       .offset = static_cast<int64_t>(value.place.offset),
                       .bytes = static_cast<int64_t>(value.type.bytes()),
                       .first = position,
                       .last = kept ? end_ : position + 1});
  }

  void add(const PlanOp& step, int position) {
    for (const ValueId id : step.inputs)
      if (block_of_[id] >= 0) {
        int& last = blocks_[block_of_[id]].last;
        last = std::max(last, position + 1);
      }
    if (is_view(step.op) && block_of_[step.inputs[0]] >= 0) {
      block_of_[step.output] = block_of_[step.inputs[0]];
      return;
    }
    const int in_place = in_place_input(step.op);
    if (in_place >= 0 && block_of_[step.inputs[in_place]] >= 0 &&
        plan_.values[step.inputs[in_place]].place == plan_.values[step.output].place)
      blocks_[block_of_[step.inputs[in_place]]].last = position;
    begin(step.output, position, step.module, name(step.op));
  }

  const Plan& plan_;
  std::vector<int> block_of_;  // of each value
  std::vector<MemoryBlock> blocks_;
  int end_;
};

}  // namespace

MemoryMap memory_map(const Plan& plan) {
  MemoryMap map;
  map.kept_bytes = static_cast<int64_t>(plan.kept_bytes);
  map.scratch_bytes = static_cast<int64_t>(plan.scratch_bytes);
  map.picture_operations = static_cast<int>(plan.picture.size());
  for (const auto* section : {&plan.picture, &plan.step})
    for (const PlanOp& step : *section)
      map.operations.push_back(fmt::format("{} {}", name(step.op), step.module));
  map.blocks = Lives(plan).blocks();
  map.in_use.assign(map.operations.size(), 0);
  for (const MemoryBlock& block : map.blocks)
    for (int at = block.first; !block.kept && at < block.last; ++at) map.in_use[at] += block.bytes;
  map.peak =
      static_cast<int>(std::max_element(map.in_use.begin(), map.in_use.end()) - map.in_use.begin());
  return map;
}

}  // namespace drypoint
