#include "inspect/pass_log.h"

#include <algorithm>
#include <set>

namespace drypoint {
namespace {

int64_t total(const RateCounts& rates) { return rates[0] + rates[1] + rates[2]; }

/// "step to picture" for a group whose operations went, all or some, from one rate to another.
std::string moved(const RateCounts& before, const RateCounts& after, int64_t& count) {
  std::string from, to;
  count = 0;
  for (const Rate rate : {Rate::load, Rate::picture, Rate::step}) {
    const int64_t more = after[static_cast<size_t>(rate)] - before[static_cast<size_t>(rate)];
    if (more < 0) from = name(rate), count -= more;
    if (more > 0) to = name(rate);
  }
  return from.empty() || to.empty() ? "" : from + " to " + to;
}

}  // namespace

void PassLog::add(std::string_view pass, const Graph& after) {
  InspectedPass done;
  done.name = pass;
  Groups now;
  for (const Node& node : after.nodes) {
    const auto rate = static_cast<size_t>(after[node.output].rate);
    ++done.after[rate];
    Group& group = now[{std::string(name(node.op)), node.module}];
    group.texts.push_back(to_string(node.op));
    ++group.rates[rate];
  }
  for (auto& [key, group] : now) std::sort(group.texts.begin(), group.texts.end());
  std::set<std::pair<std::string, std::string>> keys;
  for (const auto* groups : {&last_, &now})
    for (const auto& [key, group] : *groups) keys.insert(key);
  for (const auto& [kind, module] : keys)
    note(done, kind, module, last_[{kind, module}], now[{kind, module}]);
  std::erase_if(done.kinds, [](const auto& kind) { return kind.second == 0; });
  std::erase_if(now, [](const auto& group) { return group.second.texts.empty(); });
  if (passes_.empty()) done.changes.clear();  // all of it is new
  passes_.push_back(std::move(done));
  last_ = std::move(now);
}

void PassLog::note(InspectedPass& pass, const std::string& kind, const std::string& module,
                   const Group& before, const Group& after) {
  const int64_t more = total(after.rates) - total(before.rates);
  pass.kinds[kind] += more;
  std::vector<PassChange> changes;
  if (more != 0) {
    changes.push_back({more > 0 ? "new" : "gone", kind, module, std::abs(more), ""});
  } else {
    std::vector<std::string> changed;
    std::set_difference(after.texts.begin(), after.texts.end(), before.texts.begin(),
                        before.texts.end(), std::back_inserter(changed));
    if (!changed.empty())
      changes.push_back(
          {"changed", kind, module, static_cast<int64_t>(changed.size()), changed[0]});
    int64_t count = 0;
    const std::string way = moved(before.rates, after.rates, count);
    if (!way.empty()) changes.push_back({"moved", kind, module, count, way});
  }
  if (changes.empty()) return;
  if (!passes_.empty() && !after.texts.empty()) of_group_[{kind, module}].push_back(pass.name);
  pass.changes.insert(pass.changes.end(), changes.begin(), changes.end());
}

std::vector<std::string> PassLog::passes_of(const std::string& kind,
                                            const std::string& module) const {
  const auto found = of_group_.find({kind, module});
  return found == of_group_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace drypoint
