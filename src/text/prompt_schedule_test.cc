#include "text/prompt_schedule.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;

const nlohmann::json& golden() {
  static const auto all = nlohmann::json::parse(std::ifstream(data("prompts/schedules.json")));
  return all;
}

std::string times(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(PromptSchedule, IsTheWebUis) {
  for (const auto& schedule : golden().at("schedules")) {
    std::vector<ScheduledText> expected;
    for (const auto& part : schedule.at("expected")) expected.push_back({part[0], part[1]});
    const std::string text = schedule.at("text");
    EXPECT_EQ(prompt_schedule(text, schedule.at("steps"), schedule.value("before", 0)), expected)
        << text;
  }
}

TEST(PromptSchedule, LeavesWhatIsNoSyntax) {
  for (const char* text : {"", "a|b", "(a|b)", "[a|b:3]", "[a:b]", "[a:b:c]", "[(a:b:3]",
                           "[a:b:3\\", "[a:b:c:3]", "a [b", "[a:b:3x]"})
    EXPECT_EQ(prompt_schedule(text, 8), (std::vector<ScheduledText>{{8, text}})) << text;
  EXPECT_EQ(prompt_schedule("[a:b:3] (x:y:z", 8),
            (std::vector<ScheduledText>{{3, "a (x:y:z"}, {8, "b (x:y:z"}}));
}

TEST(PromptSchedule, EndsSoonWhateverTheText) {
  for (const char* open : {"(", "["})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"nested"},
                           [&] { prompt_schedule(times(open, 100'000), 20); }));
  EXPECT_EQ(prompt_schedule(times(":", 100'000), 20).size(), 1u);
  EXPECT_EQ(prompt_schedule(times("[a:b:0.5]", 10'000), 20)[1].text, times("b", 10'000));
  EXPECT_EQ(prompt_schedule(times("[", 400) + "a" + times(":b:0.5]", 400), 20)[0].text, "a");
  EXPECT_EQ(prompt_schedule("[a:b:1e999][c:d:-1e999][e:f:1e-999]", 20)[0].text, "adf");
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"999 steps"},
                         [] { prompt_schedule("[a|b]" + times("a", 100'000), 999); }));
}

TEST(PromptParts, AreTheWebUis) {
  for (const auto& composed : golden().at("composed")) {
    std::vector<PromptPart> expected;
    for (const auto& part : composed.at("expected")) expected.push_back({part[0], part[1]});
    const std::string text = composed.at("text");
    EXPECT_EQ(prompt_parts(text), expected) << text;
  }
  EXPECT_EQ(prompt_parts(times("AND ", 100'000)).size(), 100'001u);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"weight"},
                         [] { prompt_parts("a:" + times("9", 400)); }));
}

}  // namespace
}  // namespace drypoint
