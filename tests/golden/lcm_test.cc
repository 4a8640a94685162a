// A UNet that is told the guidance scale, against diffusers (lcm.py).
#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "diffusion/denoiser_inputs.h"
#include "golden/golden_test_base.h"
#include "models/assemble.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;

Tensor lcm_golden(const std::string& name) {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("golden/lcm.safetensors")).tensors;
  return tensors.at(name).to_f32();
}

class Lcm : public testing::GoldenTest {
 protected:
  Lcm() : GoldenTest(weights()) {}

  static const NamedTensors& weights() {
    static const NamedTensors tensors = [] {
      NamedTensors all = assemble({.model = testing::data("checkpoint/small")}).tensors;
      all.tensors["model.diffusion_model.time_embed.cond_proj.weight"] = lcm_golden("cond_proj");
      return all;
    }();
    return tensors;
  }
};

TEST_P(Lcm, AUNetIsToldTheGuidanceScale) {
  const ModelConfig config = detect(weights());
  EXPECT_EQ(config.unet.guidance_width, 16);
  const Tensor x = lcm_golden("x");
  const DenoiserShape shape{.prompts = 1,
                            .contexts = 1,
                            .height = x.shape()[2],
                            .width = x.shape()[3],
                            .max_steps = 2,
                            .controls = {},
                            .expose = true};
  Executor denoiser = executor(build_denoiser(config, shape));
  denoiser.set_input("timesteps", std::vector<float>{999, 499});
  denoiser.set_input("context", lcm_golden("context").floats());
  set_guidance_embedding(denoiser, 8.5);
  denoiser.run(Rate::picture);
  for (const int32_t step : {0, 1}) {
    denoiser.set_input("slots", x.floats());
    denoiser.set_input("step", std::vector<int32_t>{step});
    denoiser.run(Rate::step);
    const int t = step == 0 ? 999 : 499;
    const Tensor expected = lcm_golden(fmt::format("output.{}", t)),
                 untold = lcm_golden(fmt::format("untold.{}", t));
    EXPECT_TRUE(close(denoiser.output("eps"), expected.floats(), GetParam().tolerance)) << t;
    EXPECT_FALSE(close(untold.floats(), expected.floats(), 1e-2)) << t;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Lcm, ::testing::ValuesIn(testing::golden_backends()),
                         [](const auto& device) { return device.param.name; });

}  // namespace
}  // namespace drypoint
