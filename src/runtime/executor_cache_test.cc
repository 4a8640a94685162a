#include "runtime/executor_cache.h"

#include "compile/compile.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using Key = std::variant<std::string, int>;

/// Makes executors of a plan that does nothing, and takes memory for them as long as there is room.
class Cache : public ::testing::Test {
 protected:
  std::unique_ptr<Executor> make() {
    ++made_;
    return std::make_unique<Executor>(Plan(), *backend_);
  }
  Executor& get(const Key& key) {
    return cache_.get(
        key, [this] { return make(); },
        [this](Executor& executor) {
          if (executor.is_bound()) return;
          ++bound_;
          if (failures_ > 0) {
            --failures_;
            fail(kind_, "not now");
          }
          executor.bind(store_);
        });
  }
  /// Whether it is there already, and with its memory.
  bool knows(const Key& key) {
    const int before = made_;
    get(key);
    return made_ == before;
  }
  bool has_bound(const Key& key) {
    const int before = bound_;
    return knows(key) && bound_ == before;
  }

  NamedTensors nothing_;
  std::unique_ptr<Backend> backend_ = make_reference_backend();
  WeightStore store_{nothing_, *backend_};
  ExecutorCache<std::string, int> cache_{{3, 2}};
  int made_ = 0, bound_ = 0, failures_ = 0;
  ErrorKind kind_ = ErrorKind::out_of_memory;
};

TEST_F(Cache, ForgetsTheLeastRecentlyUsedOfAStage) {
  get(1);
  for (const char* key : {"a", "b", "c", "a", "d"}) {
    cache_.begin();
    get(key);
  }
  EXPECT_TRUE(knows("a") && knows("c") && knows("d") && knows(1));
  EXPECT_FALSE(knows("b"));
}

TEST_F(Cache, MakesRoomWhereMemoryRunsOutWhateverTheStage) {
  get(1);
  for (const char* key : {"a", "b"}) get(key);
  cache_.begin();
  failures_ = 2;
  get("c");  // at the cost of 1 and a, which keep their kernels
  EXPECT_TRUE(has_bound("b") && has_bound("c"));
  EXPECT_FALSE(has_bound(1));
  EXPECT_FALSE(has_bound("a"));
  EXPECT_TRUE(knows(1) && knows("a"));
}

TEST_F(Cache, KnowsWithoutMemoryToo) {
  const auto known = [&](const char* key) -> Executor& {
    return cache_.known(key, [this] { return make(); });
  };
  EXPECT_FALSE(known("a").is_bound());
  EXPECT_EQ(&get("a"), &known("a"));
  EXPECT_TRUE(known("a").is_bound());
  EXPECT_EQ(made_, 1);
}

TEST_F(Cache, NeverGivesUpWhatTheWorkAtHandUses) {
  get(1);
  for (const char* key : {"a", "b"}) get(key);
  cache_.begin();
  get(1);
  get("b");
  failures_ = 9;
  EXPECT_TRUE(testing::fails_with(ErrorKind::out_of_memory, {}, [&] { get("c"); }));
  failures_ = 0;
  EXPECT_TRUE(has_bound(1) && has_bound("b"));
  EXPECT_FALSE(has_bound("a"));
}

TEST_F(Cache, KeepsAllWhenSomethingElseFails) {
  for (const char* key : {"a", "b"}) get(key);
  cache_.begin();
  failures_ = 1;
  kind_ = ErrorKind::cancelled;
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {}, [&] { get("c"); }));
  EXPECT_TRUE(has_bound("a") && has_bound("b"));
}

}  // namespace
}  // namespace drypoint
