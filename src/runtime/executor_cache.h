// The executors used last, so that a picture of a size seen before starts at once.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <utility>
#include <variant>

#include "base/error.h"
#include "runtime/executor.h"

namespace drypoint {

/// Executors of several stages, which share the memory. `Keys` are of different types, one for each
/// stage: all that tells its executors from one another, compared by ==.
template <class... Keys>
class ExecutorCache {
 public:
  using Key = std::variant<Keys...>;

  /// How many executors of each stage are kept at most, unless one piece of work needs more.
  explicit ExecutorCache(const std::array<size_t, sizeof...(Keys)>& capacities)
      : capacities_(capacities) {}

  /// A new piece of work begins: until the next, the executors that it uses are never given up.
  void begin() { ++work_; }

  /// The executor known under `key`, or a new one. Of its stage the least recently used go first:
  /// before the new one is made, so that both never need memory together. While the new one does
  /// not fit into memory, those used longest ago make room, whatever their stage.
  Executor& get(const Key& key, const std::function<std::unique_ptr<Executor>()>& make) {
    for (auto it = entries_.begin(); it != entries_.end(); ++it)
      if (it->key == key) {
        it->work = work_;
        entries_.splice(entries_.begin(), entries_, it);
        return *entries_.front().executor;
      }
    forget_beyond_capacity(key.index());
    for (;;) {
      try {
        entries_.push_front({key, work_, make()});
        return *entries_.front().executor;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::out_of_memory || entries_.empty() ||
            entries_.back().work == work_)
          throw;
        entries_.pop_back();
      }
    }
  }

  void for_each(const std::function<void(Executor&)>& visit) {
    for (Entry& entry : entries_) visit(*entry.executor);
  }
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    Key key;
    uint64_t work = 0;  // that used it last
    std::unique_ptr<Executor> executor;
  };

  // Leaves room for one more of the stage.
  void forget_beyond_capacity(size_t stage) {
    size_t others = 0;
    for (auto it = entries_.begin(); it != entries_.end();)
      if (it->key.index() == stage && ++others >= capacities_[stage] && it->work != work_)
        it = entries_.erase(it);
      else
        ++it;
  }

  std::array<size_t, sizeof...(Keys)> capacities_;
  std::list<Entry> entries_;  // the last used first
  uint64_t work_ = 0;
};

}  // namespace drypoint
