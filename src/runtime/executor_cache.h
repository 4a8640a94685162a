// The executors used last, so that a picture of a size seen before starts at once.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "base/error.h"
#include "runtime/executor.h"

namespace drypoint {

/// `Key` says all that tells one executor from another, and is compared by ==.
template <class Key>
class ExecutorCache {
 public:
  explicit ExecutorCache(size_t capacity) : capacity_(capacity) {}

  /// The executor known under `key`, or a new one. The least recently used go first: before the new
  /// one is made, so that both never need memory together; and all but the last used, one by one,
  /// while the new one does not fit into memory beside them.
  Executor& get(const Key& key, const std::function<std::unique_ptr<Executor>()>& make) {
    for (auto it = entries_.begin(); it != entries_.end(); ++it)
      if (it->first == key) {
        entries_.splice(entries_.begin(), entries_, it);
        return *entries_.front().second;
      }
    while (entries_.size() >= capacity_) entries_.pop_back();
    for (;;) {
      try {
        entries_.emplace_front(key, make());
        return *entries_.front().second;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::out_of_memory || entries_.size() <= 1) throw;
        entries_.pop_back();
      }
    }
  }

 private:
  size_t capacity_;
  std::list<std::pair<Key, std::unique_ptr<Executor>>> entries_;
};

}  // namespace drypoint
