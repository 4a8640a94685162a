#include "drypoint/synth.h"

#include <sched.h>

#include <algorithm>
#include <cmath>

#include "drypoint/error.h"
#include "models/assemble.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;

TEST(Synth, WritesACompleteModel) {
  TemporaryFolder folder;
  synthesize(folder / "m.safetensors", {.arch = "tiny", .seed = 1});
  const auto model = assemble({.model = folder / "m.safetensors"});
  EXPECT_TRUE(model.has(Part::control));
  for (const auto& [name, tensor] : model.tensors.tensors) check_finite(name, tensor);
}

TEST(Synth, TheSameSeedGivesTheSameBytesOnAnyNumberOfCores) {
  TemporaryFolder folder;
  const auto bytes = [&](uint64_t seed) {
    synthesize(folder / "m", {.arch = "tiny", .seed = seed});
    return read_file(folder / "m");
  };
  const std::string all = bytes(1), other = bytes(2);
  cpu_set_t before, first;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&first);
  for (int core = 0; CPU_COUNT(&first) == 0; ++core)
    if (CPU_ISSET(core, &before)) CPU_SET(core, &first);
  ASSERT_EQ(sched_setaffinity(0, sizeof first, &first), 0);
  const std::string one = bytes(1);
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_TRUE(one == all);
  EXPECT_FALSE(all == other);
}

TEST(Synth, ScalesByTheFanIn) {
  TemporaryFolder folder;
  for (const std::string dtype : {"bf16", "f32"}) {
    synthesize(folder / "m", {.arch = "tiny", .seed = 3, .dtype = dtype});
    const auto tensors = load_checkpoint(folder / "m").tensors;
    const auto deviation = [&](const std::string& name) {
      const Tensor f32 = tensors.at(name).to_f32();
      double squares = 0;
      for (const float value : f32.floats()) squares += double{value} * value;
      return std::sqrt(squares / static_cast<double>(f32.floats().size()));
    };
    EXPECT_NEAR(deviation("model.diffusion_model.middle_block.0.in_layers.2.weight"),
                1.68 / std::sqrt(64 * 9), 0.001);
    EXPECT_NEAR(
        deviation("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"), 0.7,
        0.001);
    EXPECT_NEAR(deviation("control_model.zero_convs.0.0.weight"), 0.4 / std::sqrt(32), 0.004);
    EXPECT_EQ(deviation("model.diffusion_model.out.0.weight"), 1);
  }
}

TEST(Synth, RefusesUnknownOptions) {
  TemporaryFolder folder;
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"sdxl", "expected sd15, sd15-inpainting"},
                         [&] { synthesize(folder / "m", {.arch = "sdxl"}); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"i8", "expected f16"},
                         [&] { synthesize(folder / "m", {.dtype = "i8"}); }));
  EXPECT_TRUE(
      fails_with(ErrorKind::write_failed, {"no/where"}, [&] { synthesize(folder / "no/where"); }));
}

}  // namespace
}  // namespace drypoint
