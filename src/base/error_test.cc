#include "base/error.h"

#include <vector>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

TEST(Border, OnlyErrorsPass) {
  const auto refuses = [](const std::function<int()>& body) {
    return fails_with(ErrorKind::out_of_memory, {"drawing", "not enough memory"},
                      [&] { at_border("drawing", body); });
  };
  EXPECT_TRUE(refuses([]() -> int { throw std::bad_alloc(); }));
  EXPECT_TRUE(refuses([] {
    std::vector<int> numbers;
    numbers.resize(numbers.max_size() + 1);
    return 0;
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"a.png"},
                         [] { at_border("drawing", [] { fail(ErrorKind::bad_file, "a.png"); }); }));
  EXPECT_EQ(at_border("drawing", [] { return 3; }), 3);
}

TEST(Expect, ABrokenPromiseIsOurOwnMistake) {
  EXPECT_TRUE(fails_with(ErrorKind::internal, {"internal: 3 of 4", "error_test.cc:"},
                         [] { DRYPOINT_EXPECT(false, "{} of {}", 3, 4); }));
  DRYPOINT_EXPECT(true, "kept");
  EXPECT_EQ(name(ErrorKind::internal), "internal");
}

}  // namespace
}  // namespace drypoint
