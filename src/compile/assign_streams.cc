// Steps that need not wait for one another, side by side: a block's shortcut beside its
// convolutions, a control tensor's product beside the encoder's next block.
#include <algorithm>
#include <set>

#include "compile/compile.h"
#include "compile/progress.h"

namespace drypoint {
namespace {

class Streams {
 public:
  Streams(Plan& plan, std::vector<PlanOp>& steps)
      : plan_(plan), steps_(steps), made_by_(plan.values.size(), -1) {
    find_makers();
  }

  void run(ProgressOf& progress) {
    find_chains();
    order_by_readiness();
    find_makers();
    take_streams();
    find_what_to_wait_for(progress);
  }

 private:
  int count() const { return static_cast<int>(steps_.size()); }

  void find_makers() {
    for (int s = 0; s < count(); ++s) made_by_[steps_[s].output] = s;
  }

  /// The section's step that makes a value; -1 if it is there before.
  int maker(ValueId id) const { return made_by_[id]; }

  /// Each step goes on with the chain of an input whose heir it is: of all that read a result, the
  /// one with the longest way to the end. Chain 0 begins where the way is the longest.
  void find_chains() {
    std::vector<int> way(count()), heir(count(), -1);
    for (int s = count() - 1; s >= 0; --s) {
      if (heir[s] >= 0) way[s] = way[heir[s]];
      way[s] += is_view(steps_[s].op) ? 0 : 1;
      for (const ValueId id : steps_[s].inputs)
        if (const int made = maker(id); made >= 0 && (heir[made] < 0 || way[s] >= way[heir[made]]))
          heir[made] = s;
    }
    const auto longest = std::max_element(way.begin(), way.end()) - way.begin();
    chain_.assign(count(), -1);
    int chains = 1;
    for (int s = 0; s < count(); ++s) {
      if (s == longest) chain_[s] = 0;
      for (const ValueId id : steps_[s].inputs)
        if (const int made = maker(id); made >= 0 && heir[made] == s)
          chain_[s] = chain_[s] < 0 ? chain_[made] : std::min(chain_[s], chain_[made]);
      if (chain_[s] < 0 && is_view(steps_[s].op) && maker(steps_[s].inputs[0]) >= 0) {
        chain_[s] = chain_[maker(steps_[s].inputs[0])];  // it does nothing, wherever it is
        heir[s] = -1;
      }
      if (chain_[s] < 0) chain_[s] = chains++;
    }
  }

  /// Steps of the main chain keep their order, each other one comes as soon as its inputs are
  /// there.
  void order_by_readiness() {
    std::vector<int> ready(count(), -1), order(count());
    for (int s = 0; s < count(); ++s) {
      order[s] = s;
      if (chain_[s] == 0 && !is_view(steps_[s].op)) ready[s] = s;
      for (const int other : needed_by(s)) ready[s] = std::max(ready[s], ready[other]);
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return ready[a] < ready[b]; });
    std::vector<PlanOp> steps;
    std::vector<int> chain;
    for (const int s : order) {
      steps.push_back(std::move(steps_[s]));
      chain.push_back(chain_[s]);
    }
    steps_ = std::move(steps);
    chain_ = std::move(chain);
  }

  /// Each chain but the main one takes the stream that has had nothing new for longest.
  void take_streams() {
    std::map<int, int> stream_of_chain = {{0, 0}};
    std::vector<int> latest(plan_.streams, -1);
    for (int s = 0; s < count(); ++s) {
      const auto idle = std::min_element(latest.begin() + 1, latest.end()) - latest.begin();
      const int stream = stream_of_chain.emplace(chain_[s], static_cast<int>(idle)).first->second;
      steps_[s].stream = stream;
      latest[stream] = s;
    }
  }

  void find_what_to_wait_for(ProgressOf& progress) {
    progress.begin_section();
    for (int s = 0; s < count(); ++s) {
      PlanOp& step = steps_[s];
      std::vector<int> needed = needed_by(s);
      std::sort(needed.rbegin(), needed.rend());  // the latest of a stream stands for all before it
      for (const int other : needed)
        if (!covers(progress.before(step.stream), progress.after(other))) {
          step.after.push_back(other);
          progress.wait(step.stream, other);
        }
      progress.advance(step.stream);
    }
  }

  /// The section's steps whose results a step reads, and the readers of an input whose place it
  /// takes.
  std::vector<int> needed_by(int s) const {
    std::vector<int> needed;
    for (const ValueId id : steps_[s].inputs)
      if (maker(id) >= 0) needed.push_back(maker(id));
    for (const auto& [name, id] : plan_.outputs) {
      const auto input = plan_.inputs.find(name);
      if (id != steps_[s].output || input == plan_.inputs.end()) continue;
      std::set<ValueId> places = {input->second};  // it and views of it
      for (int reader = 0; reader < s; ++reader) {
        const PlanOp& step = steps_[reader];
        if (std::none_of(step.inputs.begin(), step.inputs.end(),
                         [&](ValueId read) { return places.contains(read); }))
          continue;
        needed.push_back(reader);
        if (is_view(step.op)) places.insert(step.output);
      }
    }
    return needed;
  }

  Plan& plan_;
  std::vector<PlanOp>& steps_;
  std::vector<int> made_by_, chain_;
};

}  // namespace

void assign_streams(Plan& plan, int aux) {
  if (aux == 0) return;
  plan.streams = 1 + aux;
  ProgressOf progress(plan.streams);
  for (auto* section : {&plan.picture, &plan.step}) Streams(plan, *section).run(progress);
}

}  // namespace drypoint
