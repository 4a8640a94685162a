#include "base/markup.h"

#include <gtest/gtest.h>

namespace drypoint {
namespace {

TEST(Markup, EscapesWhatMeansSomething) {
  EXPECT_EQ(escaped("a < b && \"c\" > 'd'"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; 'd'");
  EXPECT_EQ(escaped("1\n2\t3\x1b[31m\x7f"), "1\n2 3 [31m\x7f");
  EXPECT_EQ(escaped(""), "");
}

TEST(Markup, IsUtf8WhateverItIsGiven) {
  EXPECT_EQ(escaped("caf\u00e9 \u20ac \U0001f600"), "caf\u00e9 \u20ac \U0001f600");
  EXPECT_EQ(escaped("caf\xe9"), "caf\ufffd");
  EXPECT_EQ(escaped("\xe9<"), "\ufffd&lt;");
  EXPECT_EQ(escaped("\xe2\x82"), "\ufffd\ufffd");              // cut short
  EXPECT_EQ(escaped("\x80\xff"), "\ufffd\ufffd");              // no first bytes
  EXPECT_EQ(escaped("\xc0\xaf"), "\ufffd\ufffd");              // longer than it need be
  EXPECT_EQ(escaped("\xe0\x80\xaf"), "\ufffd\ufffd\ufffd");    // so is this
  EXPECT_EQ(escaped("\xed\xa0\x80x"), "\ufffd\ufffd\ufffdx");  // a surrogate
  EXPECT_EQ(escaped("\xf4\x90\x80\x80").size(), 12u);          // beyond the last code
  EXPECT_EQ(escaped("\xef\xbf\xbe"), "\ufffd");                // UTF-8, but no XML
  EXPECT_EQ(escaped("\xf4\x8f\xbf\xbd"), "\xf4\x8f\xbf\xbd");  // the last but two
}

}  // namespace
}  // namespace drypoint
