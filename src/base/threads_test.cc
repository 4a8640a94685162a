#include "base/threads.h"

#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

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
