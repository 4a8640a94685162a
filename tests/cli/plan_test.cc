// `build`, and the plans that it writes where a model is expected.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class SavedPlan : public Cli {
 protected:
  std::vector<std::string> build(const Options& changes = {}) const {
    Options options{{"--model", tiny_model_path()},
                    {"--control", "canny=" + tiny_control_path().string()},
                    {"--device", "cpu"},
                    {"--sizes", "64x128"},
                    {"--output", path("tiny.plan")}};
    for (const auto& [name, value] : changes) options[name] = value;
    std::vector<std::string> words{"build"};
    for (const auto& [name, value] : options) {
      words.push_back(name);
      if (value) words.push_back(*value);
    }
    return words;
  }
  /// A picture from a plan.
  std::vector<std::string> draw(const std::string& output,
                                const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{
        "generate", "--plan", path("tiny.plan"), "--edges", path("edges.png"),
        "-p",       "a cat",  "--steps",         "1",       "--seed",
        "1",        "-o",     path(output)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(SavedPlan, DrawsThePicturesOfItsModel) {
  const Outcome built = drypoint(build({{"--json", std::nullopt}}));
  ASSERT_EQ(built.status, 0) << built.err;
  const json said = json::parse(built.out);
  EXPECT_EQ(said["plan"], path("tiny.plan"));
  EXPECT_EQ(said["sizes"], json::array({"64x128"}));
  EXPECT_EQ(said["device"]["kind"], "cpu");
  EXPECT_EQ(said["bytes"]["file"], std::filesystem::file_size(path("tiny.plan")));
  for (const char* part : {"open", "prepare", "write"})
    EXPECT_GT(said["seconds"].value(part, 0.0), 0.0) << part;

  ASSERT_EQ(drypoint(generate({{"--device", "cpu"}, {"--output", path("model.png")}})).status, 0);
  const Outcome drawn = drypoint(draw("plan.png", {"--json"}));
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_GT(json::parse(drawn.out)["seconds"].value("to_first_step", 0.0), 0.0);
  EXPECT_EQ(contents("plan.png"), contents("model.png"));

  const std::string control = "canny=" + tiny_control_path().string();
  ASSERT_EQ(drypoint(draw("control.png", {"--control", control})).status, 0);
  EXPECT_EQ(contents("control.png"), contents("model.png"));

  const Outcome told = drypoint({"inspect", path("tiny.plan"), "--verify"});
  EXPECT_EQ(told.status, 0) << told.err;
  for (const std::string part : {"plan for cpu", "fp32", "64x128", "ControlNet", "packed weights"})
    EXPECT_NE(told.out.find(part), std::string::npos) << part;
  EXPECT_EQ(json::parse(drypoint({"inspect", path("tiny.plan"), "--json"}).out)["layout"], "plan");
}

TEST_F(SavedPlan, TakesAdaptersWhereItHasTheTensors) {
  const std::string adapter = data("lora/locon.safetensors").string();
  const auto picture_of_model = [&] {
    auto words = generate({{"--device", "cpu"}, {"--output", path("model.png")}});
    words.insert(words.end(), {"--lora", adapter});
    EXPECT_EQ(drypoint(words).status, 0);
    return contents("model.png");
  };
  ASSERT_EQ(drypoint(build()).status, 0);
  const Outcome drawn = drypoint(draw("plan.png", {"--lora", adapter}));
  EXPECT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_EQ(contents("plan.png"), picture_of_model());

  ASSERT_EQ(drypoint(build({{"--only-sizes", std::nullopt}})).status, 0);
  expect_refused(4, {path("tiny.plan"), "'s own tensors", adapter},
                 draw("out.png", {"--lora", adapter}));
  ASSERT_EQ(
      drypoint(build({{"--only-sizes", std::nullopt}, {"--keep-tensors", std::nullopt}})).status,
      0);
  ASSERT_EQ(drypoint(draw("plan.png", {"--lora", adapter})).status, 0);
  EXPECT_EQ(contents("plan.png"), contents("model.png"));
}

TEST_F(SavedPlan, SaysWhatDoesNotFit) {
  ASSERT_EQ(drypoint(build()).status, 0);
  const std::string plan = path("tiny.plan");
  expect_refused(2, {"--model", plan}, draw("out.png", {"-m", tiny_model_path()}));
  expect_refused(2, {"--vae", plan}, draw("out.png", {"--vae", tiny_model_path()}));
  expect_refused(2, {"device", "reference", plan}, draw("out.png", {"--device", "reference"}));
  expect_refused(2, {"precision", "bf16", plan}, draw("out.png", {"--precision", "bf16"}));
  expect_refused(3, {plan, "is a plan, expected a checkpoint"},
                 {"generate", "-m", plan, "--edges", path("edges.png"), "-o", path("out.png")});
  expect_refused(3, {tiny_model_path(), "is no plan"},
                 {"generate", "--plan", tiny_model_path(), "--edges", path("edges.png"), "-o",
                  path("out.png")});
  expect_refused(2, {"--depth", "plans"}, {"inspect", plan, "--depth", "3"});
  expect_refused(2, {"--verify", "only plans"}, {"inspect", tiny_model_path(), "--verify"});
  std::string text = contents("tiny.plan");
  text[text.size() / 3] ^= 4;
  write_file(plan, text);
  expect_refused(3, {plan, "damaged"}, draw("out.png"));
  expect_refused(3, {plan, "damaged"}, {"inspect", plan, "--verify"});
  write_file(plan, text.substr(0, text.size() / 2));
  expect_refused(3, {plan}, draw("out.png"));
}

TEST_F(SavedPlan, BuildingIsRefusedWhereItCannotEndWell) {
  const std::string plan = path("tiny.plan");
  expect_refused(2, {"--sizes", "64"}, build({{"--sizes", "64"}}));
  expect_refused(2, {"--sizes", "\"\""}, build({{"--sizes", ""}}));
  expect_refused(2, {"sizes: 60x64", "multiples of 8"}, build({{"--sizes", "64x64,60x64"}}));
  expect_refused(2, {"samples: 65"}, build({{"--samples", "65"}}));
  expect_refused(7, {"--output", "no folder"}, build({{"--output", path("none/a.plan")}}));
  expect_refused(7, {plan, "File too large"}, build(), {.file_size = 2'000'000});
  expect_refused(3, {"none.pth", "No such file"}, build({{"--model", "none.pth"}}));
}

TEST_F(SavedPlan, LeavesNoPartOfItselfWhenInterrupted) {
  if (!has_terminals()) GTEST_SKIP() << "there are no pseudo-terminals, which show progress";
  const auto before = files();
  const auto long_build = build({{"--sizes", "64x64,128x128,256x256,320x320,384x384,512x512"}});
  for (const char* moment : {"text encoder", "denoiser 128x128"}) {
    Program program(long_build, {.terminal = true});
    EXPECT_TRUE(program.shows(moment));
    program.send(SIGINT);
    EXPECT_EQ(program.finish().status, 130) << moment;
    EXPECT_EQ(files(), before);
  }
}

TEST_F(SavedPlan, CutShortWhileItIsUsedIsNamed) {
  if (!has_terminals()) GTEST_SKIP() << "there are no pseudo-terminals, which show progress";
  ASSERT_EQ(drypoint(build()).status, 0);
  Program program(draw("out.png", {"--steps", "900", "--json"}), {.terminal = true});
  ASSERT_TRUE(program.shows(" 2/900"));
  std::filesystem::resize_file(path("tiny.plan"), 4096);
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.status, 3);
  EXPECT_NE(outcome.err.find("tiny.plan: was cut short"), std::string::npos) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["error"]["kind"], "bad_file");
  EXPECT_FALSE(std::filesystem::exists(path("out.png")));
}

}  // namespace
}  // namespace drypoint::testing
