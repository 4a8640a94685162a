// Lifetimes to offsets: values that are never alive together share bytes.
#include <algorithm>

#include "compile/compile.h"
#include "compile/progress.h"

namespace drypoint {
namespace {

constexpr size_t alignment = 64;

/// Bytes that one value, or several in turn or as views of each other, occupy.
struct Block {
  size_t bytes = 0;
  Progress begin, end;  // when the first to write it starts, when the last to use it is done
  bool kept = false;
  size_t offset = 0;
};

bool alive_together(const Block& a, const Block& b) {
  return !covers(a.begin, b.end) && !covers(b.begin, a.end);
}

class Assigner {
 public:
  explicit Assigner(Plan& plan)
      : plan_(plan), block_of_(plan.values.size(), -1), offset_in_block_(plan.values.size(), 0) {}

  void run() {
    find_progress();
    find_uses();
    for (const auto& [_, id] : plan_.inputs)
      place_alone(id, Progress(plan_.streams), /*kept=*/true);
    size_t position = 0;
    for (const auto* section : {&plan_.picture, &plan_.step})
      for (const PlanOp& step : *section) place_result(step, position++);
    plan_.kept_bytes = pack(/*kept=*/true);
    plan_.scratch_bytes = pack(/*kept=*/false);
    for (size_t id = 0; id < block_of_.size(); ++id)
      if (block_of_[id] >= 0) {
        const Block& block = blocks_[block_of_[id]];
        plan_.values[id].place = {block.kept ? Space::kept : Space::scratch,
                                  block.offset + offset_in_block_[id]};
      }
  }

 private:
  void find_progress() {
    ProgressOf progress(plan_.streams);
    for (const auto* section : {&plan_.picture, &plan_.step}) {
      progress.begin_section();
      for (const PlanOp& step : *section) {
        for (const int other : step.after) progress.wait(step.stream, other);
        before_.push_back(progress.before(step.stream));
        after_.push_back(progress.advance(step.stream));
      }
    }
  }

  /// What a step needs of a picture's values, and every output, is never overwritten.
  void find_uses() {
    used_.assign(plan_.values.size(), Progress(plan_.streams));
    kept_.assign(plan_.values.size(), false);
    std::vector<bool> from_picture(plan_.values.size());
    size_t position = 0;
    for (const PlanOp& step : plan_.picture) {
      from_picture[step.output] = true;
      note_uses(step, position++);
    }
    for (const PlanOp& step : plan_.step) {
      for (ValueId id : step.inputs)
        if (from_picture[id]) kept_[id] = true;
      note_uses(step, position++);
    }
    for (const auto& [_, id] : plan_.outputs) kept_[id] = true;
    // A kept view keeps what it is a view of.
    for (const auto* section : {&plan_.step, &plan_.picture})
      for (auto step = section->rbegin(); step != section->rend(); ++step)
        if (is_view(step->op) && kept_[step->output]) kept_[step->inputs[0]] = true;
  }

  void note_uses(const PlanOp& step, size_t position) {
    for (ValueId id : step.inputs) join(used_[id], after_[position]);
    join(used_[step.output], after_[position]);
  }

  void place_alone(ValueId id, const Progress& begin, bool kept) {
    block_of_[id] = static_cast<int>(blocks_.size());
    blocks_.push_back({plan_.values[id].type.bytes(), begin, used_[id], kept});
  }

  void place_in(int block, ValueId id, size_t offset = 0) {
    block_of_[id] = block;
    offset_in_block_[id] = offset;
    join(blocks_[block].end, used_[id]);
  }

  void place_result(const PlanOp& step, size_t position) {
    const bool kept = kept_[step.output];
    if (const ValueId input = input_carried_to(step.output); input >= 0) {
      DRYPOINT_EXPECT(in_place_input(step.op) >= 0 &&
                          block_of_[step.inputs[in_place_input(step.op)]] == block_of_[input] &&
                          covers(after_[position], blocks_[block_of_[input]].end),
                      "{}: cannot take its input's place", step.module);
      return place_in(block_of_[input], step.output);
    }
    if (is_view(step.op) && block_of_[step.inputs[0]] >= 0) {
      const ValueId input = step.inputs[0];
      const int block = block_of_[input];
      if (blocks_[block].kept || !kept)
        return place_in(block, step.output,
                        offset_in_block_[input] + view_offset(step.op, plan_.values[input].type));
      DRYPOINT_EXPECT(false, "{}: a kept view of a scratch value", step.module);
    }
    const int in_place = in_place_input(step.op);
    if (in_place >= 0 && !kept) {
      const ValueId input = step.inputs[in_place];
      const int block = block_of_[input];
      const bool dies_here =
          block >= 0 && !blocks_[block].kept && covers(after_[position], blocks_[block].end);
      const bool read_once = std::count(step.inputs.begin(), step.inputs.end(), input) == 1;
      if (dies_here && read_once && !read_by_other_view(step, in_place, block) &&
          plan_.values[input].type.bytes() == plan_.values[step.output].type.bytes() &&
          is_all_of(input, block))
        return place_in(block, step.output);
    }
    place_alone(step.output, before_[position], kept);
  }

  bool is_all_of(ValueId id, int block) const {
    return plan_.values[id].type.bytes() == blocks_[block].bytes;
  }

  /// The input in whose place this output goes, or an output that is made of it in place by one
  /// operation after the other; -1 if there is none.
  ValueId input_carried_to(ValueId value) const {
    for (const auto& [name, output] : plan_.outputs) {
      const auto input = plan_.inputs.find(name);
      if (input == plan_.inputs.end()) continue;
      for (ValueId id = output; id >= 0 && id != input->second; id = made_in_place_of(id))
        if (id == value) return input->second;
    }
    return -1;
  }

  /// -1: of nothing.
  ValueId made_in_place_of(ValueId value) const {
    for (const PlanOp& step : plan_.step)
      if (step.output == value)
        return in_place_input(step.op) >= 0 ? step.inputs[in_place_input(step.op)] : -1;
    return -1;
  }

  bool read_by_other_view(const PlanOp& step, int in_place, int block) const {
    for (int i = 0; i < static_cast<int>(step.inputs.size()); ++i)
      if (i != in_place && block_of_[step.inputs[i]] == block) return true;
    return false;
  }

  /// Largest first, each at the lowest offset that is free while it lives. Returns the total.
  size_t pack(bool kept) {
    std::vector<Block*> order;
    for (Block& block : blocks_)
      if (block.kept == kept) order.push_back(&block);
    std::stable_sort(order.begin(), order.end(),
                     [](const Block* a, const Block* b) { return a->bytes > b->bytes; });
    std::vector<const Block*> placed;  // by offset
    size_t total = 0;
    for (Block* block : order) {
      size_t offset = 0;
      for (const Block* other : placed) {
        if (!kept && !alive_together(*other, *block)) continue;
        if (other->offset >= offset + block->bytes) break;
        offset = std::max(offset,
                          (other->offset + other->bytes + alignment - 1) / alignment * alignment);
      }
      block->offset = offset;
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), block,
                           [](const Block* a, const Block* b) { return a->offset < b->offset; }),
          block);
      total = std::max(total, offset + block->bytes);
    }
    return total;
  }

  Plan& plan_;
  std::vector<int> block_of_;
  std::vector<Block> blocks_;
  std::vector<size_t> offset_in_block_;
  std::vector<Progress> before_, after_;  // each step
  std::vector<Progress> used_;            // when all that write or read a value are done
  std::vector<bool> kept_;                // values
};

}  // namespace

void assign_memory(Plan& plan) { Assigner(plan).run(); }

}  // namespace drypoint
