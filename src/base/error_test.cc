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

}  // namespace
}  // namespace drypoint
