// A model of Stable Diffusion 2's structure against transformers and diffusers (sd2.py).
#include <fmt/format.h>

#include "checkpoint/formats.h"
#include "compile/compile.h"
#include "diffusion/model/denoise_loop.h"
#include "diffusion/request/sampling.h"
#include "diffusion/schedules/schedules.h"
#include "golden/golden_test_base.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;

class Sd2 : public testing::GoldenTest {
 protected:
  Sd2() : GoldenTest(weights()) {}

  static const NamedTensors& weights() {
    static const Checkpoint checkpoint = assemble({.model = testing::data("checkpoint/sd2")});
    return checkpoint.tensors;
  }
  static Tensor expected(const std::string& name) {
    static const NamedTensors tensors =
        read_tensor_file(testing::data("golden/sd2.safetensors")).tensors;
    return tensors.at(name).to_f32();
  }

  /// As sd2.py makes it.
  static std::vector<float> hint(int64_t height, int64_t width) {
    std::vector<float> values;
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
          values.push_back(static_cast<float>((5 * c + 3 * y + 7 * x) % 11) / 10);
    return values;
  }

  void set_inputs(Executor& denoiser, const DenoiserShape& shape) {
    denoiser.set_input("context", expected("text.embedding").floats());
    if (shape.controls.empty()) return;
    denoiser.set_input("hint", hint(8 * shape.height, 8 * shape.width));
    denoiser.set_input("control_scales", std::vector<float>(config_.unet.controls(), 1.0f));
  }

  /// With a prompt each.
  DenoiserShape two_latents() const {
    const Shape x = expected("x").shape();
    return {.latents = 2,
            .prompts = 1,
            .contexts = 2,
            .height = x[2],
            .width = x[3],
            .context_length = config_.text.positions,
            .max_steps = 2,
            .expose = true};
  }

  const ModelConfig config_ = detect(weights());
};

TEST_P(Sd2, TextEncoder) {
  const Tensor ids = expected("text.ids");
  const std::vector<int32_t> tokens(ids.floats().begin(), ids.floats().end());
  Executor clip = executor(build_clip(config_.text, {.prompts = ids.shape()[0]}));
  clip.set_input("ids", tokens);
  clip.run(Rate::picture);
  EXPECT_TRUE(
      close(clip.output("embedding"), expected("text.embedding").floats(), GetParam().tolerance));
}

TEST_P(Sd2, DenoiserWithAndWithoutControl) {
  const Tensor x = expected("x");
  for (const bool control : {true, false}) {
    DenoiserShape shape = two_latents();
    if (!control) shape.controls.clear();
    Executor denoiser = executor(build_denoiser(config_, shape));
    denoiser.set_input("timesteps", std::vector<float>{981, 501});
    set_inputs(denoiser, shape);
    denoiser.set_input("slots", x.floats());
    denoiser.run(Rate::picture);
    for (const int32_t step : {0, 1}) {
      denoiser.set_input("slots", x.floats());  // each run goes on from the last
      denoiser.set_input("step", std::vector<int32_t>{step});
      denoiser.run(Rate::step);
      const auto name =
          fmt::format("t{}.output{}", step == 0 ? 981 : 501, control ? "" : "_nocontrol");
      EXPECT_TRUE(close(denoiser.output("eps"), expected(name).floats(), GetParam().tolerance))
          << name;
    }
  }
}

TEST_P(Sd2, AnInpaintingUNetSeesFurtherChannels) {
  NamedTensors tensors = weights();
  tensors.tensors.insert_or_assign("model.diffusion_model.input_blocks.0.0.weight",
                                   expected("inpainting.conv_in"));
  ModelConfig config = config_;
  config.unet.in_channels = 9;
  WeightStore store(tensors, *backend_);
  const DenoiserShape shape = two_latents();
  Executor denoiser(compile(build_denoiser(config, shape), backend_->target()), *backend_, store);
  denoiser.set_input("timesteps", std::vector<float>{501, 0});
  set_inputs(denoiser, shape);
  denoiser.set_input("masked", expected("inpainting.masked").floats());
  denoiser.set_input("slots", expected("x").floats());
  denoiser.set_input("step", std::vector<int32_t>{0});
  denoiser.run(Rate::picture);
  denoiser.run(Rate::step);
  EXPECT_TRUE(
      close(denoiser.output("eps"), expected("inpainting.output").floats(), GetParam().tolerance));
}

TEST_P(Sd2, DdimFollowsEachPrediction) {
  const struct {
    const char* name;
    Prediction prediction;
    bool zero_snr;
  } runs[] = {{"epsilon", Prediction::epsilon, false},
              {"v", Prediction::v, false},
              {"v_zero_snr", Prediction::v, true}};
  const Shape x = expected("x").shape();
  for (const auto& [name, prediction, zero_snr] : runs) {
    Request request;
    request.steps = 4;
    request.schedule = zero_snr ? ScheduleKind::trailing : ScheduleKind::exact;
    const NoiseSchedule usual;
    const SamplerTable table =
        sampler_table(request, zero_snr ? usual.with_zero_terminal_snr() : usual, prediction);
    DenoiserShape shape{.height = x[2], .width = x[3], .context_length = config_.text.positions};
    fit_shape(shape, table);
    Executor denoiser = executor(build_denoiser(config_, shape));
    set_table(denoiser, shape, table);
    set_inputs(denoiser, shape);
    denoiser.set_input("guidance_scale", std::vector<float>{5});
    denoiser.run(Rate::picture);

    const Tensor latents = expected(std::string(name) + ".latents");
    const size_t size = latents.floats().size() / 5;
    const Tensor timesteps = expected(std::string(name) + ".timesteps");
    DenoiseLoop loop(denoiser, shape, table);
    loop.begin(latents.floats().first(size));
    for (size_t step = 0; step < 4; ++step) {
      EXPECT_EQ(table.rows[step].timestep, timesteps.floats()[step]);
      loop.run();
      EXPECT_TRUE(close(loop.first_slot(), latents.floats().subspan((step + 1) * size, size),
                        GetParam().tolerance))
          << name << " step " << step;
    }
    EXPECT_TRUE(loop.done());
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Sd2, ::testing::ValuesIn(testing::golden_backends()),
                         [](const auto& device) { return device.param.name; });

}  // namespace
}  // namespace drypoint
