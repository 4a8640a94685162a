// Where pictures and pages go: standard streams, sets of files, names that cannot be written.
#include <sys/stat.h>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

class Output : public Cli {
 protected:
  std::string cat_ = data("images/cat.png");

  Image picture(const std::string& bytes) const {
    return read_image(std::as_bytes(std::span(bytes)), "output").image;
  }
  std::map<std::string, std::filesystem::file_time_type> state() const {
    std::map<std::string, std::filesystem::file_time_type> times;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path()))
      times[entry.path()] = entry.last_write_time();
    return times;
  }
};

TEST_F(Output, DashIsStandardInputAndOutput) {
  ASSERT_EQ(drypoint({"edges", "-i", cat_, "--resolution", "64", "-o", path("a.png")}).status, 0);
  const Outcome piped =
      drypoint({"edges", "-i", "-", "--resolution", "64", "-o", "-"}, {.input = cat_});
  EXPECT_EQ(piped.status, 0) << piped.err;
  EXPECT_EQ(piped.out, contents("a.png"));

  ASSERT_EQ(drypoint(generate({{"--output", path("b.png")}})).status, 0);
  const Outcome drawn =
      drypoint(generate({{"--edges", "-"}, {"--output", "-"}}), {.input = path("edges.png")});
  EXPECT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_EQ(picture(drawn.out), read_image(path("b.png")).image);
  const Outcome edges = drypoint(generate({{"--save-edges", "-"}}));
  EXPECT_EQ(edges.status, 0) << edges.err;
  EXPECT_EQ(picture(edges.out), read_image(path("edges.png")).image);

  write_file(path("empty"), "");
  expect_refused(3, {"standard input", "is empty"}, generate({{"--edges", "-"}}),
                 {.input = path("empty")});
  expect_refused(3, {"standard input", "is a device"}, generate({{"--edges", "-"}}),
                 {.input = "/dev/zero"});
}

TEST_F(Output, StandardOutputTakesOnePictureAndNothingElse) {
  expect_refused(2, {"--output: - takes one picture, not 2"},
                 generate({{"--output", "-"}, {"--samples", "2"}}));
  expect_refused(2, {"--json", "standard output"},
                 generate({{"--output", "-"}, {"--json", std::nullopt}}));
  expect_refused(2, {"--save-edges", "--output's file"},
                 generate({{"--output", "-"}, {"--save-edges", "-"}}));
  expect_refused(2, {"--json", "standard output"}, {"edges", "-i", cat_, "-o", "-", "--json"});
}

TEST_F(Output, IsRefusedBeforeTheWork) {
  const auto many = [&](const std::string& output) {
    return generate({{"--output", output}, {"--samples", "2"}, {"--steps", "900"}});
  };
  const std::string longest = std::string(251, 'x') + ".png";
  expect_refused(7, {"--output", "257 bytes", "255 at most"}, many(path(longest)));
  expect_refused(7, {"--save-edges", "259 bytes"},
                 generate({{"--save-edges", path("1234" + longest)}}));
  expect_refused(7, {"--output", "259 bytes"}, {"edges", "-i", cat_, "-o", path("1234" + longest)});
  ASSERT_EQ(::mkfifo(path("two_1.png").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(path("pipe.html").c_str(), 0600), 0);
  expect_refused(7, {"two_1.png", "a device or a pipe"}, many(path("two.png")));
  expect_refused(7, {"--html", "a device or a pipe"},
                 {"profile", "--html", path("pipe.html"), "--trace", path("a.json")});
  expect_refused(7, {"--memory", "259 bytes"},
                 {"inspect", "-m", tiny_model_path(), "--graph", path("a.svg"), "--memory",
                  path("1234" + std::string(251, 'x') + ".svg")});
}

TEST_F(Output, ASetThatCannotBeWrittenWholeLeavesAllAsItWas) {
  const Options two{{"--output", path("two.png")}, {"--samples", "2"}};
  ASSERT_EQ(drypoint(generate(two)).status, 0);
  const std::vector<std::string> score{"score",        path("in"),
                                       "-m",           tiny_model_path(),
                                       "--control",    "canny=" + tiny_control_path().string(),
                                       "--resolution", "64",
                                       "--steps",      "1",
                                       "-o",           path("drawn"),
                                       "--html",       path("a.html")};
  std::filesystem::create_directory(path("in"));
  for (const char* name : {"in/a.png", "in/b.png"}) write_image(path(name), read_image(cat_).image);
  const std::vector<std::string> inspect{"inspect",     "-m",       tiny_model_path(),
                                         "--size",      "64x64",    "--graph",
                                         path("g.svg"), "--memory", path("m.svg")};
  ASSERT_EQ(drypoint(inspect).status, 0);
  const auto before = state();
  EXPECT_EQ(drypoint(generate(two), {.file_size = 2000}).status, 7);
  EXPECT_EQ(state(), before);
  // Drawings fit, the page does not.
  const Outcome page = drypoint(score, {.file_size = 30'000});
  EXPECT_EQ(page.status, 7) << page.err;
  EXPECT_NE(page.err.find("a.html"), page.err.npos) << page.err;
  EXPECT_EQ(state(), before);
  const auto larger = std::max(std::filesystem::file_size(path("g.svg")),
                               std::filesystem::file_size(path("m.svg")));
  EXPECT_EQ(drypoint(inspect, {.file_size = larger - 1}).status, 7);
  EXPECT_EQ(state(), before);
  EXPECT_EQ(drypoint(score).status, 0);
  EXPECT_TRUE(std::filesystem::exists(path("drawn/default/b.png")));
}

TEST_F(Output, ScoreChecksEveryDrawing) {
  std::filesystem::create_directory(path("in"));
  write_image(path("in/a.webp"), read_image(cat_).image);
  const std::vector<std::string> score{"score",        path("in"),
                                       "-m",           tiny_model_path(),
                                       "--control",    "canny=" + tiny_control_path().string(),
                                       "--resolution", "64",
                                       "--steps",      "900",
                                       "-o",           path("drawn")};
  ASSERT_EQ(::mkfifo(path("drawn").c_str(), 0600), 0);
  expect_refused(7, {"--output", "there is no folder"}, score);
}

TEST_F(Output, APhotoAsEdgesIsNoticed) {
  write_image(path("photo.png"), Image{64, 64, 1, std::vector<uint8_t>(64 * 64, 128)});
  const Outcome outcome = drypoint(generate({{"--edges", path("photo.png")}}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.err.find("note: edges: 100 % of the pixels"), outcome.err.npos) << outcome.err;
  EXPECT_EQ(drypoint(generate()).err, "");
}

}  // namespace
}  // namespace drypoint::testing
