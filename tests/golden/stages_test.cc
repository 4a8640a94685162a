// Each stage of the pipeline against the reference implementation's tensors, on every backend.
#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "golden/golden_test_base.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/vae.h"
#include "support/test_support.h"
#include "support/tiny_config.h"

namespace drypoint {
namespace {

using testing::close;

class StagesTest : public testing::GoldenTest {
 protected:
  StagesTest() : GoldenTest(weights()) {}

  static const NamedTensors& weights() {
    static const Checkpoint checkpoint = assemble(testing::tiny_files());
    return checkpoint.tensors;
  }
  static const NamedTensors& golden() {
    static const NamedTensors tensors =
        read_tensor_file(testing::data("golden/stages.safetensors")).tensors;
    return tensors;
  }
  static Tensor expected(const std::string& name) { return golden().at(name).to_f32(); }

  ::testing::AssertionResult agrees(const Executor& executor, const std::string& output,
                                    const std::string& name) {
    return close(executor.output(output), expected(name).floats(), GetParam().tolerance);
  }
};

TEST_P(StagesTest, TextEncoder) {
  const Tensor ids = expected("text.ids");
  const std::vector<int32_t> tokens(ids.floats().begin(), ids.floats().end());
  Executor clip = executor(build_clip(testing::tiny_config().text, {}));
  clip.set_input("ids", tokens);
  clip.run(Rate::picture);
  EXPECT_TRUE(agrees(clip, "embedding", "text.embedding"));
}

TEST_P(StagesTest, Denoiser) {
  const Shape x = expected("stage.x").shape();
  const DenoiserShape shape{.latents = 2,
                            .prompts = 1,
                            .contexts = 2,
                            .hints = 2,
                            .height = x[2],
                            .width = x[3],
                            .max_steps = 3,
                            .expose = true};
  Executor denoiser = executor(build_denoiser(testing::tiny_config(), shape));
  const std::vector<float> timesteps{981, 501, 1};
  denoiser.set_input("timesteps", timesteps);
  denoiser.set_input("context", expected("text.embedding").floats());
  denoiser.set_input("hint", expected("stage.hint").floats());
  denoiser.set_input("control_scales", std::vector<float>(13, 1.0f));
  denoiser.set_input("slots", expected("stage.x").floats());
  denoiser.run(Rate::picture);
  for (int32_t step : {0, 1, 2}) {
    denoiser.set_input("slots", expected("stage.x").floats());  // each run goes on from the last
    denoiser.set_input("step", std::vector<int32_t>{step});
    denoiser.run(Rate::step);
    const auto stage = fmt::format("stage.t{}.", timesteps[step]);
    EXPECT_TRUE(agrees(denoiser, "eps", stage + "eps")) << stage;
    for (int i = 0; step == 1 && i < 13; ++i)
      EXPECT_TRUE(
          agrees(denoiser, fmt::format("control{}", i), fmt::format("{}control{}", stage, i)));
  }
}

TEST_P(StagesTest, DenoiserWithoutControl) {
  const Shape x = expected("stage.x").shape();
  const DenoiserShape shape{.latents = 2,
                            .prompts = 1,
                            .contexts = 2,
                            .height = x[2],
                            .width = x[3],
                            .max_steps = 3,
                            .controls = {},
                            .expose = true};
  Executor denoiser = executor(build_denoiser(testing::tiny_config(), shape));
  const std::vector<float> timesteps{981, 501, 1};
  denoiser.set_input("timesteps", timesteps);
  denoiser.set_input("context", expected("text.embedding").floats());
  denoiser.set_input("slots", expected("stage.x").floats());
  denoiser.run(Rate::picture);
  for (int32_t step : {0, 1, 2}) {
    denoiser.set_input("slots", expected("stage.x").floats());  // each run goes on from the last
    denoiser.set_input("step", std::vector<int32_t>{step});
    denoiser.run(Rate::step);
    EXPECT_TRUE(agrees(denoiser, "eps", fmt::format("stage.t{}.eps_nocontrol", timesteps[step])));
  }
}

/// One latent with two prompts must equal the two runs apart: what guidance relies on.
TEST_P(StagesTest, ExpandedLatentsEqualSeparateRuns) {
  const Shape x = expected("stage.x").shape();
  const Tensor latents = expected("stage.x"), hints = expected("stage.hint"),
               contexts = expected("text.embedding");
  const auto first = [](const Tensor& t) { return t.floats().first(t.floats().size() / 2); };
  const DenoiserShape both{.latents = 1,
                           .prompts = 2,
                           .contexts = 2,
                           .height = x[2],
                           .width = x[3],
                           .max_steps = 1,
                           .expose = true};
  DenoiserShape one = both;
  one.prompts = one.contexts = 1;
  const auto run = [&](const DenoiserShape& shape, std::span<const float> context) {
    Executor denoiser = executor(build_denoiser(testing::tiny_config(), shape));
    denoiser.set_input("timesteps", std::vector<float>{501});
    denoiser.set_input("context", context);
    denoiser.set_input("hint", first(hints));
    denoiser.set_input("control_scales", std::vector<float>(13, 0.7f));
    denoiser.set_input("slots", first(latents));
    denoiser.set_input("step", std::vector<int32_t>{0});
    denoiser.run(Rate::picture);
    denoiser.run(Rate::step);
    return std::vector<float>(denoiser.output("eps").begin(), denoiser.output("eps").end());
  };
  const auto together = run(both, contexts.floats());
  auto apart = run(one, first(contexts));
  const auto second = run(one, contexts.floats().last(contexts.floats().size() / 2));
  apart.insert(apart.end(), second.begin(), second.end());
  EXPECT_TRUE(close(together, apart, GetParam().tolerance));
}

TEST_P(StagesTest, VaeDecoder) {
  const Tensor latent = expected("vae.latent"), picture = expected("vae.decoded");
  const Shape z = latent.shape();
  Executor decoder = executor(build_vae_decoder(testing::tiny_config().vae, z[0], z[2], z[3]));
  std::vector<float> scaled(latent.floats().begin(), latent.floats().end());
  for (float& value : scaled) value /= 0.18215f;
  decoder.set_input("latent", scaled);
  decoder.run(Rate::picture);
  const auto image = decoder.output("image");
  std::vector<float> channels_first(image.size());
  const size_t pixels = image.size() / 3;
  for (size_t i = 0; i < image.size(); ++i) channels_first[i % 3 * pixels + i / 3] = image[i];
  EXPECT_TRUE(close(channels_first, picture.floats(), GetParam().tolerance));
}

TEST_P(StagesTest, VaeEncoder) {
  const Tensor image = expected("vae.image");
  const Shape size = image.shape();
  Executor encoder =
      executor(build_vae_encoder(testing::tiny_config().vae, size[0], size[2], size[3]));
  std::vector<float> channels_last(image.floats().size());
  const size_t pixels = channels_last.size() / 3;
  for (size_t i = 0; i < channels_last.size(); ++i)
    channels_last[i] = image.floats()[i % 3 * pixels + i / 3];
  encoder.set_input("image", channels_last);
  encoder.run(Rate::picture);
  EXPECT_TRUE(agrees(encoder, "moments", "vae.moments"));
}

INSTANTIATE_TEST_SUITE_P(Backends, StagesTest, ::testing::ValuesIn(testing::golden_backends()),
                         [](const auto& device) { return device.param.name; });

}  // namespace
}  // namespace drypoint
