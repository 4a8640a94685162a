// The executors used last, so that a picture of a size seen before starts at once, or as soon as
// there is memory for it.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
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

  /// Makes an executor with its kernels alone, and takes memory for one (`Executor::bind`).
  using Make = std::function<std::unique_ptr<Executor>()>;
  using Bind = std::function<void(Executor&)>;

  /// The executor known under `key`, or a new one, with its memory or without. Of its stage the
  /// least recently used go first, so that both never need memory together.
  Executor& known(const Key& key, const Make& make) {
    const auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, found);
    } else {
      forget_beyond_capacity(key.index());
      entries_.push_front({key, no_work, make()});
    }
    return *entries_.front().executor;
  }

  /// The same with its memory. While that is not there, those used longest ago make room, whatever
  /// their stage, and keep their kernels.
  Executor& get(const Key& key, const Make& make, const Bind& bind) {
    Executor& wanted = known(key, make);
    for (;;) {
      try {
        bind(wanted);
        break;
      } catch (const Error& error) {
        const auto makes_room =
            std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) {
              return entry.work != work_ && entry.executor.get() != &wanted &&
                     entry.executor->is_bound();
            });
        if (error.kind() != ErrorKind::out_of_memory || makes_room == entries_.rend()) throw;
        makes_room->executor->unbind();
      }
    }
    entries_.front().work = work_;
    return wanted;
  }

  void for_each(const std::function<void(Executor&)>& visit) {
    for (Entry& entry : entries_) visit(*entry.executor);
  }
  void clear() { entries_.clear(); }

 private:
  static constexpr uint64_t no_work = std::numeric_limits<uint64_t>::max();
  struct Entry {
    Key key;
    uint64_t work = no_work;  // that used it last
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
