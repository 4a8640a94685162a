#include "text/foreign_syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace drypoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ForeignSyntax, IsToldWithItsPlace) {
  EXPECT_THAT(foreign_syntax("a (red:1.2) bird"), ElementsAre(HasSubstr("\"(red:1.2)\" is read")));
  EXPECT_THAT(foreign_syntax("a ((red)) bird"), ElementsAre(HasSubstr("\"((red))\"")));
  EXPECT_THAT(foreign_syntax("((a) (red: .5 ) bird)"), ElementsAre(HasSubstr("\"(red: .5 )\"")));
  EXPECT_THAT(foreign_syntax("[cat:dog:0.5]"), ElementsAre(HasSubstr("over all steps")));
  EXPECT_THAT(foreign_syntax("a bird <lora:ink:0.8>"),
              ElementsAre(HasSubstr("\"<lora:ink:0.8>\"")));
  EXPECT_THAT(foreign_syntax("a bird BREAK a tree"), ElementsAre(HasSubstr("\"BREAK\"")));
  EXPECT_EQ(foreign_syntax("(a:1), <lyco:b:1>, [c:2] AND d").size(), 4u);
}

TEST(ForeignSyntax, IsNoOrdinaryText) {
  for (const char* text :
       {"", "a bird", "a bird (red, small)", "a [red] bird", "at 10:30 (noon)", "\\(red:1.2\\)",
        "<b>bold</b>", "<lora:", "ANDREW AND", "a)b(c", ":1)", "(a: b)"})
    EXPECT_THAT(foreign_syntax(text), IsEmpty()) << text;
}

}  // namespace
}  // namespace drypoint
