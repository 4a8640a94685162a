#include "plan/plan.h"

#include "compile/compile.h"
#include "graph/text.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

TEST(Plan, ItsTextSaysWhereEachValueLiesAndWhenItIsComputed) {
  Plan plan =
      schedule(parse_graph("prompt f32[2, 4] picture = input\n"
                           "x f32[2, 4] step = input\n"
                           "a f32[4, 4] = weight\n"
                           "b f32[4, 4] = weight\n"
                           "%4 = add (a, b) # both\n"
                           "%5 = linear bias=false (prompt, %4) # m\n"
                           "%6 = add (x, %5) # sum\n"
                           "%7 = activation (%6) # act\n"
                           "y = output %7\n",
                           "a test"));
  assign_memory(plan);
  EXPECT_EQ(to_string(plan),
            "kept 224 bytes, scratch 32 bytes\n"
            "load:\n"
            "  %4 f32[4, 4] = add (a, b) # both\n"
            "picture:\n"
            "  kept+128 f32[2, 4] = linear bias=false (kept+0, %4) # m\n"
            "step:\n"
            "  scratch+0 f32[2, 4] = add (kept+64, kept+128) # sum\n"
            "  kept+192 f32[2, 4] = activation (scratch+0) # act\n");
}

TEST(Plan, StreamsAndWhatTheyWaitForAreTold) {
  Plan plan =
      schedule(parse_graph("x f32[2] step = input\n"
                           "%1 = activation (x) # a\n"
                           "%2 = activation kind=relu (x) # b\n"
                           "%3 = add (%1, %2) # sum\n"
                           "y = output %3\n",
                           "a test"));
  plan.streams = 2;
  plan.step[1].stream = 1;
  plan.step[2].after = {1};
  const std::string text = to_string(plan);
  EXPECT_NE(text.find("# b, stream 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# sum, stream 0 after 1\n"), std::string::npos) << text;
}

TEST(Plan, SectionsAreFoundByTheirRate) {
  Plan plan;
  plan.load.emplace_back(), plan.step.resize(3);
  EXPECT_EQ(plan.section(Rate::load).size(), 1u);
  EXPECT_EQ(plan.section(Rate::picture).size(), 0u);
  EXPECT_EQ(plan.section(Rate::step).size(), 3u);
}

}  // namespace
}  // namespace drypoint
