// A lock for one or for many, whose waiters may give up.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

namespace drypoint {

/// Held by many at once, or by one alone. Who wants it alone goes before those who come later and
/// would share it. Not recursive.
class SharedLock {
 public:
  using Stop = std::function<bool()>;

  /// Lets go when it ends, or earlier by `release`.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept
        : lock_(std::exchange(other.lock_, nullptr)), alone_(other.alone_) {}
    Hold& operator=(Hold&& other) noexcept {
      release();
      lock_ = std::exchange(other.lock_, nullptr), alone_ = other.alone_;
      return *this;
    }
    ~Hold() { release(); }
    void release();
    /// Held alone, it is shared from now on, and nobody had it in between.
    void share();

   private:
    friend SharedLock;
    Hold(SharedLock& lock, bool alone) : lock_(&lock), alone_(alone) {}
    SharedLock* lock_ = nullptr;
    bool alone_ = false;
  };

  /// Both ask `stop` while they wait, on the caller's thread, and throw cancelled where it says
  /// true.
  Hold shared(const Stop& stop = {});
  Hold alone(const Stop& stop = {});

 private:
  template <class Free>
  void wait(std::unique_lock<std::mutex>& lock, const Stop& stop, const Free& is_free);
  void release(bool alone);
  void share();

  std::mutex mutex_;
  std::condition_variable changed_;
  int sharing_ = 0, waiting_alone_ = 0;
  bool alone_ = false;
};

}  // namespace drypoint
