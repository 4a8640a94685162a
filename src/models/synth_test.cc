#include "drypoint/synth.h"

#include <sched.h>

#include <algorithm>
#include <cmath>

#include "drypoint/error.h"
#include "models/assemble.h"
#include "models/published.h"
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

/// Millions of parameters of the public files, whose idle tensors are not written.
TEST(Synth, NetworksHaveTheSizesOfTheirFiles) {
  const std::map<std::string_view, double> published{{"hed", 14.72},
                                                     {"pidinet", 0.714},
                                                     {"lineart", 4.29},
                                                     {"lineart_anime", 54.4},
                                                     {"mlsd", 1.57},
                                                     {"midas_hybrid", 123.1},
                                                     {"midas_large", 344.1},
                                                     {"depth_anything_vits", 24.8},
                                                     {"depth_anything_vitb", 97.5},
                                                     {"normal_bae", 72.7},
                                                     {"depth_anything_vitl", 335.3},
                                                     {"openpose", 52.3},
                                                     {"openpose_hand", 36.8},
                                                     {"openpose_face", 38.4},
                                                     {"realesrgan", 16.7},
                                                     {"realesrgan_small", 1.21},
                                                     {"inception", 21.8}};
  for (const PublishedNetwork& network : published_networks()) {
    double parameters = 0;
    for (const TensorSpec& spec : network.tensors())
      parameters += static_cast<double>(element_count(spec.shape));
    EXPECT_NEAR(parameters / 1e6, published.at(network.name), 0.02 * published.at(network.name))
        << network.name;
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
