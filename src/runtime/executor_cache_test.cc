#include "runtime/executor_cache.h"

#include "compile/compile.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// Makes executors of a plan that does nothing, as long as there is room for them.
class Cache : public ::testing::Test {
 protected:
  Executor& get(const std::variant<std::string, int>& key) {
    return cache_.get(key, [this] {
      ++made_;
      if (failures_ > 0) {
        --failures_;
        fail(kind_, "not now");
      }
      return std::make_unique<Executor>(Plan(), *backend_, store_);
    });
  }
  /// Whether it is there already.
  bool knows(const std::variant<std::string, int>& key) {
    const int before = made_;
    get(key);
    return made_ == before;
  }

  NamedTensors nothing_;
  std::unique_ptr<Backend> backend_ = make_reference_backend();
  WeightStore store_{nothing_, *backend_};
  ExecutorCache<std::string, int> cache_{{3, 2}};
  int made_ = 0, failures_ = 0;
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
  get("c");  // at the cost of 1 and a
  EXPECT_TRUE(knows("b") && knows("c"));
  EXPECT_FALSE(knows(1));
  EXPECT_FALSE(knows("a"));
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
  EXPECT_TRUE(knows(1) && knows("b"));
  EXPECT_FALSE(knows("a"));
}

TEST_F(Cache, KeepsAllWhenSomethingElseFails) {
  for (const char* key : {"a", "b"}) get(key);
  cache_.begin();
  failures_ = 1;
  kind_ = ErrorKind::cancelled;
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {}, [&] { get("c"); }));
  EXPECT_TRUE(knows("a") && knows("b"));
}

}  // namespace
}  // namespace drypoint
