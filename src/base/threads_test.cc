#include "base/threads.h"

#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

TEST(ThreadPool, RunsEachTaskOnceCallAfterCall) {
  for (const int wanted : {1, 2, 5}) {
    ThreadPool pool(wanted);
    EXPECT_EQ(pool.threads(), wanted);
    for (int64_t count = 0; count < 300; ++count) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      pool.run(count, [&](int64_t i, int thread) {
        EXPECT_TRUE(thread >= 0 && thread < wanted);
        ++runs[static_cast<size_t>(i)];
      });
      for (const auto& one : runs) EXPECT_EQ(one, 1);
    }
  }
}

TEST(ThreadPool, CallsFromTasksAndFromOtherThreadsRunWhereTheyAre) {
  ThreadPool pool(3);
  std::atomic<int> runs = 0;
  const auto twice_nested = [&] {
    for (int i = 0; i < 50; ++i)
      pool.run(4, [&](int64_t, int) {
        const auto here = std::this_thread::get_id();
        pool.run(5, [&](int64_t, int thread) {
          EXPECT_EQ(std::this_thread::get_id(), here);
          EXPECT_EQ(thread, 0);
          ++runs;
        });
      });
  };
  std::thread other(twice_nested);
  twice_nested();
  other.join();
  EXPECT_EQ(runs, 2 * 50 * 4 * 5);
}

TEST(ThreadPool, ThrowsWhatATaskThrowsAndGoesOn) {
  ThreadPool pool(4);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(pool.run(1000,
                          [](int64_t task, int) {
                            if (task == 7) throw 7;
                          }),
                 int);
    std::atomic<int> runs = 0;
    pool.run(9, [&](int64_t, int) { ++runs; });
    EXPECT_EQ(runs, 9);
  }
}

TEST(ParallelFor, RunsEachOnce) {
  for (const int threads : {0, 1, 3}) {
    std::vector<std::atomic<int>> runs(50);
    parallel_for(runs.size(), threads, [&](size_t i) { ++runs[i]; });
    for (const auto& count : runs) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 4, [](size_t) { FAIL(); });
}

TEST(ParallelFor, ThrowsWhatABodyThrows) {
  std::atomic<int> runs = 0;
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"the fourth"}, [&] {
    parallel_for(1'000'000, 2, [&](size_t i) {
      ++runs;
      if (i == 3) fail(ErrorKind::bad_file, "the fourth");
    });
  }));
  EXPECT_LT(runs, 1'000'000);
}

TEST(ParallelFor, AsksWhetherToStopOnTheCallersThread) {
  std::atomic<int> runs = 0;
  const auto caller = std::this_thread::get_id();
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {"cancelled"}, [&] {
    parallel_for(
        1'000'000, 2, [&](size_t) { ++runs; },
        [&] {
          EXPECT_EQ(std::this_thread::get_id(), caller);
          return true;
        });
  }));
  EXPECT_LT(runs, 1'000'000);
}

TEST(ParallelFor, WhatStopThrowsPassesThrough) {
  EXPECT_THROW(parallel_for(
                   100, 2, [](size_t) {}, []() -> bool { throw std::out_of_range("a caller's"); }),
               std::out_of_range);
}

}  // namespace
}  // namespace drypoint
