// The same picture, or a refusal, whatever the environment says of threads and however little is
// left of them and of memory.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

class Surrounded : public Cli {
 protected:
  std::vector<std::string> on_threads(const char* threads) {
    return generate({{"--device", "cpu"}, {"--threads", threads}, {"--json", std::nullopt}});
  }
  /// What a plain run draws.
  std::string expected() {
    EXPECT_EQ(drypoint(on_threads("1")).status, 0);
    return contents("out.png");
  }
};

TEST_F(Surrounded, VariablesOfThreadRuntimesChangeNothing) {
  const std::string picture = expected();
  for (const auto& [name, value] : {std::pair("OMP_THREAD_LIMIT", "1"),
                                    {"OMP_DYNAMIC", "true"},
                                    {"OMP_MAX_ACTIVE_LEVELS", "0"},
                                    {"OMP_NUM_THREADS", "100000"},
                                    {"OMP_NUM_THREADS", "1"},
                                    {"OMP_STACKSIZE", "4000000000"},
                                    {"ONEDNN_VERBOSE", "1"},
                                    {"ONEDNN_MAX_CPU_ISA", "SSE41"},
                                    {"TBB_NUM_THREADS", "1"}}) {
    const Variable set(name, value);
    const Outcome outcome = drypoint(on_threads("3"));
    EXPECT_EQ(outcome.status, 0) << name << outcome.err;
    EXPECT_TRUE(nlohmann::json::accept(outcome.out)) << name << outcome.out;
    EXPECT_EQ(contents("out.png"), picture) << name << "=" << value;
  }
}

TEST_F(Surrounded, AnyNumberOfThreadsDrawsTheSame) {
  const std::string picture = expected();
  for (const char* threads : {"2", "3", "16", "100"}) {
    const Outcome outcome = drypoint(on_threads(threads));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(contents("out.png"), picture) << threads;
  }
}

// From too little for the first thread to enough.
TEST_F(Surrounded, WithLittleAddressSpaceItDrawsOrSaysThatMemoryIsShort) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs all of the address space";
#endif
  const std::string picture = expected();
  int drawn = 0, refused = 0;
  for (rlim_t mebibytes = 60; mebibytes < 1000 && drawn < 3; mebibytes += refused ? 9 : 3) {
    const Surroundings little{.address_space = mebibytes << 20};
    if (drypoint({"--version"}, little).status != 0) continue;  // not even its libraries fit
    write_file(path("out.png"), "none");
    const Outcome outcome = drypoint(on_threads("16"), little);
    SCOPED_TRACE(std::to_string(mebibytes) + " MiB: " + outcome.err);
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 5) << outcome.status;
    EXPECT_TRUE(nlohmann::json::accept(outcome.out)) << outcome.out;
    EXPECT_EQ(contents("out.png"), outcome.status == 0 ? picture : "none");
    (outcome.status == 0 ? drawn : refused) += 1;
  }
  EXPECT_EQ(drawn, 3);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace drypoint::testing
