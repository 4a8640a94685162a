#include "base/shared_lock.h"

#include <atomic>
#include <thread>
#include <vector>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

TEST(SharedLock, IsHeldByManyOrByOne) {
  SharedLock lock;
  int value = 0;
  std::atomic<int> sharing = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i)
        if (t < 2) {
          const auto hold = lock.alone();
          EXPECT_EQ(sharing, 0);
          ++value;
        } else {
          const auto hold = lock.shared();
          ++sharing;
          EXPECT_GE(value, 0);
          --sharing;
        }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value, 400);
}

TEST(SharedLock, WhoWaitsMayGiveUp) {
  SharedLock lock;
  auto held = lock.alone();
  const auto now = [] { return true; };
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] { lock.shared(now); }));
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] { lock.alone(now); }));
  held.release();
  const auto one = lock.shared(now), other = lock.shared(now);  // which need not wait
}

TEST(SharedLock, WhoWantsItAloneGoesFirst) {
  SharedLock lock;
  auto held = lock.shared();
  std::atomic<bool> done = false;
  std::thread alone([&] {
    const auto hold = lock.alone();
    done = true;
  });
  // Once the other waits, no more may share it.
  for (bool refused = false; !refused;) try {
      lock.shared([&, first = true]() mutable { return !std::exchange(first, false); });
    } catch (const Error&) {
      refused = true;
    }
  EXPECT_FALSE(done);
  held.release();
  alone.join();
  EXPECT_TRUE(done);
}

TEST(SharedLock, WhoHasItAloneMayLetOthersIn) {
  SharedLock lock;
  auto held = lock.alone();
  std::atomic<bool> done = false;
  std::thread other([&] {
    const auto hold = lock.alone();
    done = true;
  });
  held.share();
  EXPECT_FALSE(done);  // nobody else has had it in between
  held.share();        // as it is
  held.release();
  other.join();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace drypoint
