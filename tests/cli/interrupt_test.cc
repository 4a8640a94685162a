// Ctrl-C: the program ends within a second, with exit code 130 and without an output file.
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

class Interrupt : public Cli {
 protected:
  void SetUp() override {
    if (!has_terminals()) GTEST_SKIP() << "there are no pseudo-terminals, which show progress";
  }

  /// Stops a program once its progress has shown `moment`, or some time after.
  Outcome stop_at(const std::string& moment, const Options& options, int signal = SIGINT,
                  std::chrono::milliseconds after = {}, bool more = false) const {
    const auto before = files();
    Program program(generate(options), {.terminal = true});
    EXPECT_TRUE(program.shows(moment));
    std::this_thread::sleep_for(after);
    const auto start = std::chrono::steady_clock::now();
    program.send(signal);
    std::atomic<bool> ended = false;
    std::thread further([&] {  // which give it no more time
      while (more && !ended) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (!ended) program.send(signal);
      }
    });
    const Outcome outcome = program.finish();
    ended = true;
    further.join();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    EXPECT_EQ(outcome.status, 130);
    EXPECT_TRUE(outcome.err.ends_with("\x1b[31merror:\x1b[0m cancelled\r\n")) << outcome.err;
    EXPECT_EQ(files(), before);
    return outcome;
  }
};

TEST_F(Interrupt, WhileDenoising) {
  EXPECT_EQ(stop_at(" 2/900", {{"--steps", "900"}}).out, "");
  stop_at(" 2/900", {{"--steps", "900"}, {"--guess-mode", std::nullopt}}, SIGTERM);
  stop_at(" 2/900", {{"--steps", "900"}}, SIGHUP);
}

TEST_F(Interrupt, WhileLoading) { stop_at("prepare", {{"--steps", "900"}}); }

TEST_F(Interrupt, WithinAnOperationThatTakesLong) {
  // The reference backend's convolutions of so large a hint take seconds each.
  Image edges{1280, 1280, 1, std::vector<uint8_t>(1280 * 1280)};
  write_image(path("large.png"), edges);
  for (const bool more : {false, true})
    stop_at("denoise", {{"--edges", path("large.png")}, {"--device", "reference"}}, SIGINT,
            std::chrono::milliseconds(1500), more);
}

TEST_F(Interrupt, IsToldInJson) {
  EXPECT_EQ(stop_at(" 2/900", {{"--steps", "900"}, {"--json", std::nullopt}}).out,
            "{\n  \"error\": {\n    \"kind\": \"cancelled\",\n"
            "    \"message\": \"cancelled\"\n  }\n}\n");
}

class InterruptedReading : public Cli {};

TEST_F(InterruptedReading, OfAPipeThatSaysNothing) {
  const std::string pipe = path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int writer = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  const auto before = files();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    Program program({"edges", "-i", "-", "-o", path("out.png"), "--json"}, {.input = pipe});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    program.send(signal);
    const Outcome outcome = program.finish();
    EXPECT_EQ(outcome.status, 130);
    EXPECT_EQ(outcome.err, "error: cancelled\n");
    EXPECT_NE(outcome.out.find("\"kind\": \"cancelled\""), std::string::npos);
    EXPECT_EQ(files(), before);
  }
  ::close(writer);
}

class InterruptedSynth : public Cli {};

TEST_F(InterruptedSynth, LeavesNoPartOfASynthesizedFile) {
  const auto before = files();
  Program program({"synth", "--arch", "sd15", "-o", path("large.safetensors")}, {});
  while (files() == before) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  program.send(SIGINT);
  EXPECT_EQ(program.finish().status, 130);
  EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace drypoint::testing
