// Random checkpoints must behave like trained ones in magnitude, or benchmarks and fidelity figures
// made with them would mean nothing.
#include <cmath>
#include <cstdlib>

#include "compile/compile.h"
#include "diffusion/noise/random.h"
#include "drypoint/synth.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "models/vae.h"
#include "runtime/executor.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (float value : values) sum += double{value} * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// The part of a module's path that names its block; empty outside of blocks.
std::string block_of(const std::string& module) {
  static const char* const kinds[] = {
      "input_blocks.", "output_blocks.", "middle_block.", "encoder.layers.", "mid.",
      "up.",           "down."};
  for (const std::string kind : kinds)
    if (const auto at = module.find(kind); at != std::string::npos) {
      const auto end = module.find('.', at + kind.size());
      return module.substr(0, end);
    }
  return "";
}

/// Makes the last result of every block an output of its own.
void expose_blocks(Graph& graph) {
  for (const Node& node : graph.nodes)
    if (const std::string block = block_of(node.module);
        !block.empty() && graph[node.output].type.dtype == DType::f32 &&
        !std::holds_alternative<Reshape>(node.op))
      graph.outputs[block] = node.output;
}

class Synth : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    // "sd15" takes gigabytes: for runs by hand.
    const char* arch = std::getenv("DRYPOINT_SYNTH_ARCH");
    synthesize(*folder_ / "model.safetensors", {.arch = arch ? arch : "tiny", .seed = 3});
    checkpoint_ = new Checkpoint(assemble({.model = *folder_ / "model.safetensors"}));
  }
  static void TearDownTestSuite() {
    delete checkpoint_;
    delete folder_;
  }

  static ModelConfig config() { return detect(checkpoint_->tensors); }

  Executor executor(Graph graph) {
    expose_blocks(graph);
    outputs_ = graph.outputs;
    return {compile(std::move(graph)), *backend_, store_};
  }

  void fill(Executor& executor, const std::string& input, uint64_t seed) {
    std::vector<float> values(executor.type_of_input(input).elements());
    make_generator({}, seed)->randn(values);
    executor.set_input(input, values);
  }

  void expect_moderate(const Executor& executor) {
    EXPECT_GT(outputs_.size(), 3u);
    for (const auto& [block, _] : outputs_) {
      if (block == "step") continue;  // a number, no values
      const double rms = root_mean_square(executor.output(block));
      EXPECT_GE(rms, 0.3) << block;
      EXPECT_LE(rms, 3.0) << block;
    }
  }

  static testing::TemporaryFolder* folder_;
  static Checkpoint* checkpoint_;
  std::unique_ptr<Backend> backend_ = make_cpu_backend(0);
  WeightStore store_{checkpoint_->tensors, *backend_};
  std::map<std::string, ValueId> outputs_;
};
testing::TemporaryFolder* Synth::folder_ = nullptr;
Checkpoint* Synth::checkpoint_ = nullptr;

TEST_F(Synth, TextEncoderBlocksAreOfModerateSize) {
  Executor encoder = executor(build_clip(config().text, {.prompts = 1}));
  std::vector<int32_t> ids(77);
  for (int i = 0; i < 77; ++i) ids[i] = i * 37 % 1000;
  encoder.set_input("ids", ids);
  encoder.run(Rate::picture);
  expect_moderate(encoder);
}

TEST_F(Synth, DenoiserBlocksAreOfModerateSize) {
  Executor denoiser = executor(
      build_denoiser(config(), {.height = 16, .width = 16, .max_steps = 1, .expose = true}));
  fill(denoiser, "slots", 1);
  fill(denoiser, "context", 2);
  const auto hint = denoiser.type_of_input("hint").elements();
  std::vector<float> edges(hint);
  for (int64_t i = 0; i < hint; ++i) edges[i] = i % 11 == 0 ? 1.0f : 0.0f;
  denoiser.set_input("hint", edges);
  denoiser.set_input("control_scales", std::vector<float>(13, 1.0f));
  denoiser.set_input("timesteps", std::vector<float>{501});
  denoiser.set_input("sampler", std::vector<float>{1, 0, 0});  // changes nothing
  denoiser.set_input("guidance_scale", std::vector<float>{1});
  denoiser.set_input("step", std::vector<int32_t>{0});
  denoiser.run(Rate::picture);
  denoiser.run(Rate::step);
  expect_moderate(denoiser);
}

TEST_F(Synth, VaeBlocksAreOfModerateSize) {
  Executor decoder = executor(build_vae_decoder(config().vae, 1, 16, 16));
  fill(decoder, "latent", 4);
  decoder.run(Rate::picture);
  expect_moderate(decoder);
  Executor encoder = executor(build_vae_encoder(config().vae, 1, 64, 64));
  fill(encoder, "image", 5);
  encoder.run(Rate::picture);
  expect_moderate(encoder);
}

}  // namespace
}  // namespace drypoint
