#include "base/error.h"

#include <vector>

#include "base/utf8.h"
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

TEST(Error, MessagesAreShortLinesOfText) {
  const auto message = [](const std::string& text) {
    return std::string(Error(ErrorKind::bad_file, text).what());
  };
  EXPECT_EQ(message("a.png: is ä €"), "a.png: is ä €");
  EXPECT_EQ(message("a\n\x1b[31m\xff"), "a??[31m?");
  for (const std::string& unit : {std::string("x"), std::string("ä"), std::string("😀"),
                                  std::string("\xff"), std::string("\xe2\x82")}) {
    std::string text = "/folder/a.png: ";
    for (int i = 0; i < 100'000; ++i) text += unit;
    const std::string cut = message(text + ", expected a picture");
    EXPECT_LE(cut.size(), 480u);
    EXPECT_GT(cut.size(), 400u);
    EXPECT_TRUE(cut.starts_with("/folder/a.png: ")) << cut;
    EXPECT_TRUE(cut.ends_with(", expected a picture")) << cut;
    for (std::string_view rest = cut; !rest.empty();) {
      const size_t length = character_length(rest);
      ASSERT_GT(length, 0u) << cut;
      rest.remove_prefix(length);
    }
  }
}

TEST(Border, WhatACallerThrowsPassesUnchanged) {
  const auto throws = [](const auto& exception) {
    return std::function<bool()>([exception]() -> bool { throw exception; });
  };
  // As a public function does that calls another one.
  const auto call = [](const std::function<bool()>& stop) {
    at_border("scoring", stop, [](const auto& outer) {
      const std::function<bool()> again = [&] { return outer && outer(); };
      at_border("drawing", again, [](const auto& inner) {
        try {
          if (inner) inner();
        } catch (const std::exception&) {
          ADD_FAILURE() << "taken for one of ours";
        }
      });
    });
  };
  EXPECT_THROW(call(throws(std::bad_alloc())), std::bad_alloc);
  EXPECT_THROW(call(throws(std::length_error("a caller's"))), std::length_error);
  EXPECT_THROW(call(throws(std::system_error(EAGAIN, std::generic_category()))), std::system_error);
  EXPECT_THROW(call(throws(Error(ErrorKind::out_of_memory, "a caller's"))), Error);
  EXPECT_THROW(call(throws(3)), int);
  call([] { return false; });
  call({});
}

TEST(Expect, ABrokenPromiseIsOurOwnMistake) {
  EXPECT_TRUE(fails_with(ErrorKind::internal, {"internal: 3 of 4", "error_test.cc:"},
                         [] { DRYPOINT_EXPECT(false, "{} of {}", 3, 4); }));
  DRYPOINT_EXPECT(true, "kept");
  EXPECT_EQ(name(ErrorKind::internal), "internal");
}

}  // namespace
}  // namespace drypoint
