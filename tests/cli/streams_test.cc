// Standard output that takes nothing: exit code 7 and no signal, whatever the command.
#include "cli/program.h"

namespace drypoint::testing {
namespace {

class Streams : public Cli {
 protected:
  std::vector<std::vector<std::string>> commands() const {
    return {{"--help"},
            {"version"},
            {"generate", "--help"},
            {"inspect", tiny_model_path(), "--json"},
            {"inspect", tiny_model_path(), "--depth", "5"},
            {"synth", "-o", path("a.safetensors")},
            {"edges", "-i", data("images/cat.png"), "-o", path("a.png")},
            {"edges", "-i", data("images/cat.png"), "-o", path("a.png"), "--json"},
            generate(),
            generate({{"--json", std::nullopt}})};
  }
};

TEST_F(Streams, ThatNobodyReads) {
  for (const auto& words : commands())
    EXPECT_EQ(drypoint(words, {.unread = true}).status, 7) << words[0];
  EXPECT_EQ(drypoint({"bogus"}, {.unread = true}).status, 2);  // said to nobody
  EXPECT_EQ(
      drypoint(generate({{"--steps", "0"}, {"--json", std::nullopt}}), {.unread = true}).status, 2);
}

TEST_F(Streams, OnAFullDisk) {
  for (const auto& words : commands()) {
    const Outcome outcome = drypoint(words, {.full = true});
    EXPECT_EQ(outcome.status, 7) << words[0];
    EXPECT_TRUE(outcome.err.ends_with("error: standard output: cannot be written\n"))
        << outcome.err;
  }
}

}  // namespace
}  // namespace drypoint::testing
