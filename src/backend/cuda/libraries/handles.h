// A library's handles, one for each device, kept as long as the process lives.
#pragma once

#include <map>
#include <mutex>

namespace drypoint::cuda {

template <class Handle>
class Handles {
 public:
  /// `create` makes one for the current device, null if there can be none.
  template <class Create>
  Handle of(int device, const Create& create) {
    const std::lock_guard lock(mutex_);
    const auto [handle, is_new] = handles_.emplace(device, nullptr);
    if (is_new) handle->second = create();
    return handle->second;
  }

 private:
  std::mutex mutex_;
  std::map<int, Handle> handles_;
};

}  // namespace drypoint::cuda
