#include "base/shared_lock.h"

#include <chrono>

#include "base/error.h"

namespace drypoint {

void SharedLock::Hold::release() {
  if (SharedLock* const lock = std::exchange(lock_, nullptr)) lock->release(alone_);
}

void SharedLock::Hold::share() {
  if (lock_ && std::exchange(alone_, false)) lock_->share();
}

template <class Free>
void SharedLock::wait(std::unique_lock<std::mutex>& lock, const Stop& stop, const Free& is_free) {
  if (!stop) return changed_.wait(lock, is_free);
  while (!changed_.wait_for(lock, std::chrono::milliseconds(20), is_free)) {
    lock.unlock();  // it is the caller's function
    if (stop()) fail(ErrorKind::cancelled, "cancelled");
    lock.lock();
  }
}

SharedLock::Hold SharedLock::shared(const Stop& stop) {
  std::unique_lock lock(mutex_);
  wait(lock, stop, [&] { return !alone_ && waiting_alone_ == 0; });
  ++sharing_;
  return {*this, false};
}

SharedLock::Hold SharedLock::alone(const Stop& stop) {
  std::unique_lock lock(mutex_);
  ++waiting_alone_;
  try {
    wait(lock, stop, [&] { return !alone_ && sharing_ == 0; });
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    --waiting_alone_;
    changed_.notify_all();
    throw;
  }
  --waiting_alone_;
  alone_ = true;
  return {*this, true};
}

void SharedLock::share() {
  const std::lock_guard lock(mutex_);
  alone_ = false;
  ++sharing_;
  changed_.notify_all();
}

void SharedLock::release(bool alone) {
  const std::lock_guard lock(mutex_);
  if (alone)
    alone_ = false;
  else
    --sharing_;
  changed_.notify_all();
}

}  // namespace drypoint
