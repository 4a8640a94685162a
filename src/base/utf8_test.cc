#include "base/utf8.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

TEST(Printable, KeepsTextAndMarksTheRest) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("unet.weight ä € 😀"), "unet.weight ä € 😀");
  EXPECT_EQ(printable("a\n\x1b[31m\x7f"), "a??[31m?");
  EXPECT_EQ(printable("a\xc2\x9b\xc2\xa0"), "a?\xc2\xa0");  // U+009B begins a sequence, too
  EXPECT_EQ(printable("1\xb4 \xe2\x82 \xff"), "1? ?? ?");   // stray, cut off, never UTF-8
  EXPECT_EQ(printable("\xed\xa0\x80\xc0\x80"), "?????");    // a surrogate, a NUL written too long
}

TEST(Printable, CutsBetweenCharacters) {
  const std::string longest(200, 'x');
  EXPECT_EQ(printable(longest), longest);
  EXPECT_EQ(printable(longest + "y"), longest + "...");
  EXPECT_EQ(printable(std::string(199, 'x') + "€"), std::string(199, 'x') + "...");
  EXPECT_EQ(printable(std::string(100'000, '\xff')).size(), 203u);
}

}  // namespace
}  // namespace drypoint
