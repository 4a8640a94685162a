#include "text/lora_tags.h"

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

TEST(LoraTags, AreTakenOutOfTheText) {
  const LoraTags read = take_lora_tags("a <lora:ink:0.8> bird<lyco:wash:1:0.5>, <b>red</b>");
  EXPECT_EQ(read.text, "a  bird, <b>red</b>");
  EXPECT_EQ(read.tags, (std::vector<LoraTag>{{"ink", 0.8, 0.8, {}}, {"wash", 0.5, 1, {}}}));
}

TEST(LoraTags, HaveStrengthsInAnyWay) {
  const auto strengths = [](const std::string& tag) {
    const LoraTag read = take_lora_tags(tag).tags.at(0);
    return std::pair(read.text_strength, read.strength);
  };
  EXPECT_EQ(strengths("<lora:a>"), std::pair(1.0, 1.0));
  EXPECT_EQ(strengths("<lora:a: -.5 >"), std::pair(-0.5, -0.5));
  EXPECT_EQ(strengths("<lora:a:+2:0>"), std::pair(2.0, 0.0));
  EXPECT_EQ(strengths("<lora:a:te=0.25>"), std::pair(0.25, 0.25));
  EXPECT_EQ(strengths("<lora:a:0.5:unet=3>"), std::pair(0.5, 3.0));
  EXPECT_EQ(strengths("<lora:a:unet=3:te=2>"), std::pair(2.0, 3.0));
}

TEST(LoraTags, HaveFactorsOfBlocks) {
  const auto read = take_lora_tags("<lora:a:2:lbw=0,.5,1,1,1,1,1,1,1,1,1,1,1,1,1,1,-3>").tags.at(0);
  EXPECT_EQ(read.strength, 2);
  ASSERT_EQ(read.blocks.size(), 17u);
  EXPECT_EQ(read.blocks[1], 0.5);
  EXPECT_EQ(read.blocks[16], -3);
}

TEST(LoraTags, AreNotOtherText) {
  for (const char* text : {"", "a < b", "<lora:", "<lora>", "<lora:>", "<hypernet:a:1>",
                           "<LORA:a:1>", "<lora:a:1", "lora:a:1>"}) {
    EXPECT_EQ(take_lora_tags(text).text, text);
    EXPECT_TRUE(take_lora_tags(text).tags.empty());
  }
}

TEST(LoraTags, ThatMakeNoSenseAreRefused) {
  for (const auto& [text, found] : {std::pair("<lora:a:x>", "\"x\""),
                                    {"<lora:a:1:2:8>", "\"8\""},
                                    {"<lora::1>", "no name"},
                                    {"<lora:a:dyn=4>", "dyn"},
                                    {"<lora:a:nan>", "nan"},
                                    {"<lora:a:>", "\"\""},
                                    {"<lora:a:1:lbw=1,2>", "17 or 26"},
                                    {"<lora:a:lbw=NONE>", "NONE"},
                                    {"<lora:a:1e999>", "1e999"}})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {text, found}, [&] { take_lora_tags(text); }));
}

}  // namespace
}  // namespace drypoint
