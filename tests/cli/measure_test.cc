// `bench` and `profile`, as they are used.
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class Measure : public Cli {
 protected:
  static std::vector<std::string> tiny(std::vector<std::string> words) {
    for (const char* word : {"-m", "random:tiny", "--size", "64x128", "--steps", "2"})
      words.emplace_back(word);
    return words;
  }
};

TEST_F(Measure, BenchAndCompare) {
  const Outcome outcome = drypoint(tiny({"bench", "--iterations", "5", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json said = json::parse(outcome.out);
  EXPECT_EQ(said["model"], "random:tiny");
  EXPECT_EQ(said["steps"], 2);
  const json& size = said["sizes"][0];
  EXPECT_EQ(size["height"], 64);
  EXPECT_EQ(size["width"], 128);
  EXPECT_EQ(size["parts"].size(), 8u);
  for (const json& part : size["parts"])
    for (const char* time : {"min", "mean", "median", "p90", "p95", "p99"})
      EXPECT_GT(part["device_seconds"][time], 0) << part["name"];

  write_file(path("before.json"), outcome.out);
  const Outcome again = drypoint(tiny({"bench", "--iterations", "5", "--no-transfers", "--spin",
                                       "--compare", path("before.json"), "--json"}));
  ASSERT_EQ(again.status, 0) << again.err;
  const json comparison = json::parse(again.out)["comparison"];
  EXPECT_EQ(comparison["differences"], json::array({"transfers: true before, false now"}));
  EXPECT_EQ(comparison["parts"].size(), 6u);  // but for copies and generate
  for (const json& part : comparison["parts"]) {
    EXPECT_LE(part["low"], part["ratio"]);
    EXPECT_GE(part["high"], part["ratio"]);
  }
  // Nothing to compare: a note, and no heading.
  const Outcome apart = drypoint({"bench", "-m", "random:tiny", "--size", "64x64", "--steps", "1",
                                  "--iterations", "1", "--compare", path("before.json")});
  EXPECT_NE(apart.err.find("sizes: none in common"), apart.err.npos) << apart.err;
  EXPECT_EQ(apart.out.find("beyond noise"), apart.out.npos) << apart.out;
  const Outcome table = drypoint(tiny({"bench", "--iterations", "1", "--warmup", "0"}));
  EXPECT_NE(table.out.find("first_step"), table.out.npos);
  EXPECT_NE(table.out.find("pictures/s"), table.out.npos);
}

TEST_F(Measure, Profile) {
  const Outcome outcome = drypoint(tiny({"profile", "--repeats", "2", "--html", path("a.html"),
                                         "--trace", path("a.json"), "--parts", "step,vae"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("by wall clock"), outcome.out.npos) << outcome.out;
  EXPECT_NE(outcome.out.find("x limit"), outcome.out.npos);
  EXPECT_TRUE(contents("a.html").starts_with("<!DOCTYPE html>"));
  EXPECT_GT(json::parse(contents("a.json"))["traceEvents"].size(), 100u);
  const json said =
      json::parse(drypoint(tiny({"profile", "--repeats", "1", "--parts", "text", "--json"})).out);
  EXPECT_EQ(said["parts"][0]["name"], "text");
  for (const char* by : {"module", "kind", "shape"})
    EXPECT_GT(said["parts"][0]["groups"][by].size(), 3u);
  const Outcome kinds =
      drypoint(tiny({"profile", "--repeats", "1", "--parts", "text", "--by", "kind"}));
  EXPECT_NE(kinds.out.find("layer_norm"), kinds.out.npos);
}

TEST_F(Measure, RefusesBeforeWork) {
  expect_refused(2, {"--sizes", "64", "HEIGHTxWIDTH"}, {"bench", "--sizes", "64"});
  expect_refused(2, {"64x64", "twice"}, {"bench", "-m", "random:tiny", "--sizes", "64x64,64x64"});
  expect_refused(2, {"size", "60"}, {"bench", "-m", "random:tiny", "--sizes", "64x60"});
  expect_refused(2, {"sizes: 0x0", "positive multiples of 8"}, {"bench", "--sizes", "0x0"});
  expect_refused(2, {"batch: 0", "1 to 64"}, {"bench", "--batch", "0"});
  expect_refused(2, {"batch: 65", "1 to 64"}, {"profile", "-m", "random:tiny", "--batch", "65"});
  expect_refused(2, {"parts: \"\""}, {"profile", "-m", "random:tiny", "--parts", ""});
  expect_refused(2, {"random:sd3", "random:sd15"}, {"bench", "-m", "random:sd3"});
  expect_refused(2, {"iterations", "0"}, {"bench", "-m", "random:tiny", "--iterations", "0"});
  expect_refused(2, {"duration", "-1"}, {"bench", "-m", "random:tiny", "--duration", "-1"});
  expect_refused(3, {"none.json"}, {"bench", "--compare", path("none.json")});
  write_file(path("other.json"), "{\"images\": []}");
  expect_refused(3, {"other.json", "bench --json"}, {"bench", "--compare", path("other.json")});
  expect_refused(3, {"cat.png: is not JSON", "bench --json"},
                 {"bench", "--compare", data("images/cat.png")});
  expect_refused(7, {"--html", "no folder"}, tiny({"profile", "--html", path("no/a.html")}));
  expect_refused(7, {"--trace", "directory"}, tiny({"profile", "--trace", folder_.path()}));
  expect_refused(2, {"a.txt", ".html"}, tiny({"profile", "--html", path("a.txt")}));
  expect_refused(2, {"a.html", ".json"}, tiny({"profile", "--trace", path("a.html")}));
  expect_refused(2, {"--rows", "-5"}, {"profile", "--rows", "-5"});
  expect_refused(2, {"--tuning-cache"}, {"profile", "--tuning-cache", ""});
  expect_refused(2, {"--size", "expected one"}, {"profile", "--size", "64x64,64x64"});
  expect_refused(2, {"parts", "unet", "step"}, {"profile", "-m", "random:tiny", "--parts", "unet"});
  expect_refused(2, {"repeats", "21"}, {"profile", "-m", "random:tiny", "--repeats", "21"});
}

TEST_F(Measure, SaysWhereThereAreMoreThreadsThanCores) {
  const unsigned cores = std::thread::hardware_concurrency();
  const std::string threads = std::to_string(cores + 1);
  const Outcome outcome = drypoint(tiny(
      {"bench", "--iterations", "1", "--warmup", "0", "--device", "cpu", "--threads", threads}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("note: --threads " + threads + " on " + std::to_string(cores)),
            outcome.err.npos)
      << outcome.err;
}

TEST_F(Measure, SaysWhichOptionsDoNothingOnACpu) {
  const Outcome outcome = drypoint(tiny({"bench", "--iterations", "1", "--warmup", "0", "--device",
                                         "cpu", "--level", "5", "--no-graph", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string note = "--level, --no-graph are for GPUs, and this runs on cpu";
  EXPECT_NE(outcome.err.find("note: " + note + "\n"), outcome.err.npos) << outcome.err;
  const auto notices = json::parse(outcome.out)["notices"];
  EXPECT_NE(std::find(notices.begin(), notices.end(), note), notices.end()) << notices;
}

TEST_F(Measure, NothingHalfWritten) {
  expect_refused(7, {"a.html"},
                 tiny({"profile", "--repeats", "1", "--parts", "text", "--html", path("a.html")}),
                 {.file_size = 1000});
}

}  // namespace
}  // namespace drypoint::testing
