// What a plan must hold for a device that packs as GPUs do: ControlNet and UNet in pairs, nothing
// of the checkpoint kept. Everything but the arithmetic, so that it runs anywhere.
#include <cstring>

#include "checkpoint/plan_file.h"
#include "compile/compile.h"
#include "models/assemble.h"
#include "models/clip.h"
#include "models/complete.h"
#include "models/controlnet.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "models/vae.h"
#include "runtime/executor.h"
#include "support/test_support.h"
#include "text/tokenizer.h"

namespace drypoint {
namespace {

/// Weights of products become half precision, in pairs where there are pairs.
class PackingKernel : public Kernel {
 public:
  explicit PackingKernel(const KernelRequest& request) {
    std::visit(
        [&](const auto& op) {
          if constexpr (requires { op.epilogue; }) {
            shares_ = static_cast<int>(op.groups);
            elements_ = static_cast<size_t>(request.inputs[1].elements());
          }
        },
        request.op);
  }
  std::optional<Packing> packing(size_t input) const override {
    if (input != 1 || elements_ == 0) return std::nullopt;
    return Packing{"half", 2 * elements_, shares_, [](const WeightRows& weight, std::byte* packed) {
                     for (const Tensor values = weight.whole();
                          const float value : values.floats()) {
                       const uint16_t half = float_to_half(value);
                       std::memcpy(packed, &half, sizeof half);
                       packed += sizeof half;
                     }
                   }};
  }
  void run(const Launch&) const override {}

 private:
  int shares_ = 1;
  size_t elements_ = 0;
};

class PackingDevice : public Backend {
 public:
  std::string name() const override { return "packing device"; }
  int threads() const override { return 1; }
  PlanDevice identity() const override { return {"packing", "any", "any", "fp16"}; }
  Target target() const override { return cuda_target({}); }
  bool shares_host_memory() const override { return false; }
  std::unique_ptr<Kernel> kernel(const KernelRequest& request) const override {
    return std::make_unique<PackingKernel>(request);
  }
  Incoming load(std::span<const std::byte> mapped, std::shared_ptr<const void>,
                std::function<void(std::span<const std::byte>)> check) const override {
    const DeviceMemory memory = allocate(mapped.size());
    check(mapped);
    std::memcpy(memory.get(), mapped.data(), mapped.size());
    std::promise<void> arrived;
    arrived.set_value();
    return {memory, arrived.get_future().share()};
  }
};

const DenoiserShape guided{.height = 4, .width = 4};

/// A store and executors of all stages that use it.
class DeviceStages {
 public:
  DeviceStages(const Checkpoint& checkpoint, const PlanFile* file)
      : config(detect(checkpoint.tensors)),
        checkpoint_(checkpoint),
        store(checkpoint_.tensors, device, file) {}
  void add(const Graph& graph) {
    executors.push_back(std::make_unique<Executor>(compile(graph, device.target()), device, store));
  }
  void denoiser(const DenoiserShape& shape) { add(build_denoiser(config, shape)); }
  void all(int64_t height, int64_t width) {
    add(build_clip(config.text, {}));
    DenoiserShape shape = guided;
    shape.height = height, shape.width = width;
    denoiser(shape);
    add(build_vae_decoder(config.vae, 1, height, width));
  }
  /// What is held, by name.
  std::map<std::string, std::vector<std::byte>> contents() const {
    std::map<std::string, std::vector<std::byte>> result;
    for (const auto& held : store.all())
      result[held.key] = {held.memory.get(), held.memory.get() + held.bytes};
    return result;
  }

  const PackingDevice device;
  const ModelConfig config;
  Checkpoint checkpoint_;
  WeightStore store;
  std::vector<std::unique_ptr<Executor>> executors;
};

class DevicePlans : public ::testing::Test {
 protected:
  DevicePlans() : checkpoint_(assemble(testing::tiny_files())) {
    DeviceStages built(checkpoint_, nullptr);
    built.all(4, 4);
    PlanContents contents{.checkpoint = checkpoint_};
    contents.info.controls = {{"canny", "control"}};
    for (const TensorSpec& spec : tensors_of(built.config)) contents.tensors.push_back(spec.name);
    const auto held = built.store.all();
    for (const auto& weight : held) contents.packed.push_back({weight.key, weight.bytes});
    contents.bytes_of = [&](size_t i) {
      return std::span<const std::byte>(held[i].memory.get(), held[i].bytes);
    };
    write_plan(folder_ / "a.plan", contents, [](double) {});
    file_ = std::make_unique<PlanFile>(folder_ / "a.plan");
    packed_ = built.contents();
  }

  testing::TemporaryFolder folder_;
  Checkpoint checkpoint_;
  std::map<std::string, std::vector<std::byte>> packed_;
  std::unique_ptr<PlanFile> file_;
};

TEST_F(DevicePlans, ServeEverySizeAndSetting) {
  DeviceStages stages(file_->checkpoint(), file_.get());
  stages.all(4, 4);
  stages.all(8, 6);
  const auto with = [](auto change) {
    DenoiserShape shape = guided;
    change(shape);
    return shape;
  };
  stages.denoiser(with([](DenoiserShape& s) { s.prompts = s.contexts = 1; }));
  stages.denoiser(with([](DenoiserShape& s) { s.controls[0].positive_only = true; }));
  stages.denoiser(with([](DenoiserShape& s) { s.noises = 32; }));
  stages.denoiser(with([](DenoiserShape& s) { s.latents = 4; }));
  stages.denoiser(with([](DenoiserShape& s) { s.max_steps = 64; }));
  // Beside what the plan has, only copies of the first convolutions, which not all have in pairs.
  const auto first = [](const std::string& key) {
    return key.find("input_blocks.0.0.") != key.npos;
  };
  size_t copied = 0;
  for (const auto& [key, bytes] : stages.contents())
    if (first(key)) copied += bytes.size();
  EXPECT_LE(stages.store.bytes(), copied);
}

TEST_F(DevicePlans, ChangeTheControlNetAlone) {
  Checkpoint other = checkpoint_;
  for (auto& [name, tensor] : other.tensors.tensors) {
    if (!name.starts_with(prefix_of(Part::control))) continue;
    tensor = tensor.to_f32();
    for (float& value : tensor.mutable_floats()) value *= 0.5f;
  }
  DeviceStages expected(other, nullptr);
  expected.all(4, 4);
  ASSERT_NE(packed_, expected.contents());

  DeviceStages stages(file_->checkpoint(), file_.get());
  stages.all(4, 4);
  for (const auto& [name, tensor] : other.tensors.tensors)
    if (name.starts_with(prefix_of(Part::control)))
      stages.checkpoint_.tensors.tensors[name] = tensor;
  std::vector<std::string> names;
  for (const TensorSpec& spec : tensors_of(stages.config.controlnet(0))) names.push_back(spec.name);
  stages.store.sources().replaced(names);
  for (const auto& executor : stages.executors) executor->renew_weights(stages.store);
  EXPECT_EQ(stages.store.bytes(), 0u);  // all in its place
  const auto found = stages.contents();
  for (const auto& [key, bytes] : expected.contents())
    EXPECT_TRUE(found.contains(key) &&
                std::equal(bytes.begin(), bytes.end(), found.at(key).begin()))
        << key;
}

}  // namespace
}  // namespace drypoint
