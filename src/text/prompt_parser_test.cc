#include "text/prompt_parser.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;

std::string many(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(PromptParser, GivesTheWebUisWeights) {
  for (const auto& golden : nlohmann::json::parse(std::ifstream(data("prompts/cases.json")))) {
    if (golden.at("emphasis") == "None") continue;
    const std::string text = golden.at("text");
    if (golden.contains("a1111_error")) {
      EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"1.2.3", "a number"},
                             [&] { parse_emphasis(text); }));
      continue;
    }
    std::vector<WeightedText> expected;
    for (const auto& part : golden.at("parsed")) expected.push_back({part[0], part[1]});
    EXPECT_EQ(parse_emphasis(text), expected) << text;
  }
}

TEST(PromptParser, KeepsWhatIsNoSyntax) {
  const auto plain = [](const std::string& text) { return std::vector<WeightedText>{{text}}; };
  for (const char* text : {"a: 1.2)", "a:1.2", ":1)", "a] b)", "BREAKs _BREAK BREAK\u00e9"})
    EXPECT_EQ(parse_emphasis(text), plain(text));
  EXPECT_EQ(parse_emphasis("a\\b \\"), plain("ab "));
  EXPECT_EQ(parse_emphasis("(a)BREAK(b)").size(), 5u);
}

/// As Python's `\d` and `float` do; values by Python's `unicodedata.digit`.
TEST(PromptParser, ReadsDigitsOfEveryScript) {
  const auto weight = [](const std::string& text) {
    const auto parts = parse_emphasis(text);
    EXPECT_EQ(parts.size(), 1u) << text;
    EXPECT_EQ(parts[0].text, "a") << text;
    return parts[0].weight;
  };
  EXPECT_EQ(weight("(a:\uff11.\uff13)"), 1.3);                  // full width
  EXPECT_EQ(weight("(a: +\u0660.\u0667\u0665 )"), 0.75);        // Arabic
  EXPECT_EQ(weight("(a:\u06f1.\u06f9)"), 1.9);                  // Persian
  EXPECT_EQ(weight("(a:\u0967.\u096f)"), 1.9);                  // Devanagari, from xx66 on
  EXPECT_EQ(weight("(a:\U0001d7d0.\U0001d7f7)"), 2.1);          // mathematical
  EXPECT_EQ(parse_emphasis("(a:\u00b2)")[0].text, "a:\u00b2");  // a superscript is none
  for (int32_t code = 0; code < 0x110000; ++code) EXPECT_LT(digit_value(code), 10);
}

TEST(PromptParser, EndsSoonWhateverTheText) {
  for (const char* open : {"(", "["})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"nested", "500"},
                           [&] { parse_emphasis(many(open, 100'000)); }));
  EXPECT_EQ(parse_emphasis(many(")]", 100'000)).size(), 1u);
  EXPECT_EQ(parse_emphasis(many("(a)[b]", 100'000)).size(), 200'000u);
  EXPECT_EQ(parse_emphasis(many("(", 400) + many("a:b", 100'000)).size(), 1u);
  EXPECT_EQ(parse_emphasis(many(":1", 100'000)).size(), 1u);
  EXPECT_EQ(parse_emphasis(many(" BREAK", 100'000)).size(), 200'001u);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"\"a\"", "finite"},
                         [] { parse_emphasis("(a:" + many("9", 60) + ")"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"weight"},
                         [] { parse_emphasis("(a:" + many("9", 400) + ")"); }));
}

}  // namespace
}  // namespace drypoint
