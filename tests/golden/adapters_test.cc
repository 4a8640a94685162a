// T2I-Adapters, and a ControlNet whose tensors are averaged over the picture, against diffusers
// (controls.py).
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "golden/golden_test_base.h"
#include "models/assemble.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "models/t2i_adapter.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;

const NamedTensors& adapter_goldens() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("controls/adapters.safetensors")).tensors;
  return tensors;
}

Tensor adapter_golden(const std::string& name) { return adapter_goldens().at(name).to_f32(); }

/// The tensors of a kind of adapter, with diffusers' names.
std::map<std::string, Tensor, std::less<>> tensors_of_kind(const std::string& kind) {
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [name, tensor] : adapter_goldens().tensors)
    if (name.starts_with(kind + ".adapter.")) tensors[name.substr(kind.size() + 1)] = tensor;
  return tensors;
}

const testing::TemporaryFolder& adapter_folder() {
  static const testing::TemporaryFolder folder;
  static const bool written = [] {
    for (const char* kind : {"full", "light"})
      write_safetensors(folder / (std::string(kind) + ".safetensors"), tensors_of_kind(kind));
    return true;
  }();
  return written ? folder : folder;
}

/// A model with three that steer: both kinds, and a ControlNet.
const Checkpoint& steered_checkpoint() {
  static const Checkpoint checkpoint =
      assemble({.model = testing::tiny_model_path(),
                .controls = {{"sketch", adapter_folder() / "full.safetensors"},
                             {"color", adapter_folder() / "light.safetensors"},
                             {"shuffle", testing::tiny_control_path()}}});
  return checkpoint;
}

class ControlAdapters : public testing::GoldenTest {
 protected:
  ControlAdapters() : GoldenTest(steered_checkpoint().tensors) {}

  Tensor hint_for(int64_t channels) const {
    const Tensor hint = adapter_golden("hint");
    Tensor part({DType::f32, {1, channels, hint.shape()[2], hint.shape()[3]}});
    std::copy_n(hint.floats().begin(), part.floats().size(), part.mutable_floats().begin());
    return part;
  }

  void expect_steers(size_t net, const std::string& golden, bool pooled) {
    const ModelConfig config = detect(steered_checkpoint().tensors);
    const Tensor x = adapter_golden("x");
    const DenoiserShape shape{.prompts = 1,
                              .contexts = 1,
                              .height = x.shape()[2],
                              .width = x.shape()[3],
                              .max_steps = 1,
                              .controls = {{.net = net, .pooled = pooled}},
                              .expose = true};
    Executor denoiser = executor(build_denoiser(config, shape));
    denoiser.set_input("timesteps", std::vector<float>{499});
    denoiser.set_input("context", adapter_golden("context").floats());
    denoiser.set_input("hint", hint_for(hint_channels(config.controls[net])).floats());
    denoiser.set_input("control_scales",
                       std::vector<float>(static_cast<size_t>(config.unet.controls()), 0.7f));
    denoiser.set_input("slots", x.floats());
    denoiser.set_input("step", std::vector<int32_t>{0});
    denoiser.run(Rate::picture);
    denoiser.run(Rate::step);
    EXPECT_TRUE(close(denoiser.output("eps"), adapter_golden(golden + ".eps").floats(),
                      GetParam().tolerance))
        << golden;
  }
};

TEST_P(ControlAdapters, GiveDiffusersFeatures) {
  const ModelConfig config = detect(steered_checkpoint().tensors);
  for (const auto& [number, kind] : {std::pair<size_t, std::string>(0, "full"), {1, "light"}}) {
    const auto& adapter = std::get<T2iAdapterConfig>(config.controls[number]);
    EXPECT_EQ(adapter.light, kind == "light");
    Graph graph;
    const Module m(graph, control_module(number));
    const Tensor hint = hint_for(adapter.hint_channels);
    const ValueId x =
        to_channels_last(m, graph.add_input("hint", {DType::f32, hint.shape()}, Rate::picture));
    const auto features = adapter_features(m, x, adapter);
    ASSERT_EQ(features.size(), 4u);
    for (size_t i = 0; i < 4; ++i)
      graph.outputs["feature" + std::to_string(i)] = to_channels_first(m, features[i]);
    Executor running = executor(std::move(graph));
    running.set_input("hint", hint.floats());
    running.run(Rate::picture);
    for (size_t i = 0; i < 4; ++i) {
      const std::string name = "feature" + std::to_string(i);
      EXPECT_TRUE(close(running.output(name), adapter_golden(kind + "." + name).floats(),
                        GetParam().tolerance))
          << kind << " " << name;
    }
  }
}

TEST_P(ControlAdapters, SteerTheUnet) {
  expect_steers(0, "full", false);
  expect_steers(1, "light", false);
}

TEST_P(ControlAdapters, PooledControlTensorsAreAveraged) { expect_steers(2, "pooled", true); }

INSTANTIATE_TEST_SUITE_P(Backends, ControlAdapters, ::testing::ValuesIn(testing::golden_backends()),
                         [](const auto& device) { return device.param.name; });

/// TencentARC's own files: blocks are numbered through, or stay in their level.
TEST(AdapterFiles, HaveEitherNaming) {
  const testing::TemporaryFolder folder;
  for (const auto& [number, kind] : {std::pair<size_t, std::string>(0, "full"), {1, "light"}}) {
    std::map<std::string, Tensor, std::less<>> official;
    const std::string prefix = control_prefix(number);
    for (const auto& [name, tensor] : steered_checkpoint().tensors.tensors)
      if (name.starts_with(prefix)) official[name.substr(prefix.size())] = tensor;
    EXPECT_EQ(official.size(), tensors_of_kind(kind).size());
    EXPECT_EQ(official.contains("body.1.block1.weight"), kind == "full");
    write_safetensors(folder / kind, official);
    const Checkpoint model =
        assemble({.model = testing::tiny_model_path(), .controls = {{"own", folder / kind}}});
    EXPECT_EQ(detect(model.tensors).controls[0],
              detect(steered_checkpoint().tensors).controls[number]);
  }
}

TEST(AdapterFiles, ThoseForShuffledPicturesAreKnownByName) {
  const testing::TemporaryFolder folder;
  std::filesystem::copy_file(testing::tiny_control_path(), folder / "v11e_shuffle.safetensors");
  const auto pooled = [](const std::filesystem::path& file) {
    const Checkpoint model =
        assemble({.model = testing::tiny_model_path(), .controls = {{"one", file}}});
    return is_pooled(detect(model.tensors).controls[0]);
  };
  EXPECT_TRUE(pooled(folder / "v11e_shuffle.safetensors"));
  EXPECT_FALSE(pooled(testing::tiny_control_path()));
}

TEST(AdapterFiles, OfOtherSizesAreRefused) {
  const testing::TemporaryFolder folder;
  auto tensors = tensors_of_kind("full");
  for (auto& [name, tensor] : tensors)
    if (name == "adapter.conv_in.weight") tensor = Tensor({DType::f32, {32, 768, 3, 3}});
  write_safetensors(folder / "xl.safetensors", tensors);
  EXPECT_TRUE(
      testing::fails_with(ErrorKind::unsupported, {"xl.safetensors", "T2I-Adapter", "768"}, [&] {
        assemble({.model = testing::tiny_model_path(),
                  .controls = {{"one", folder / "xl.safetensors"}}});
      }));
}

}  // namespace
}  // namespace drypoint
