#include "checkpoint/sizes.h"

#include <numeric>
#include <set>

#include "checkpoint/checkpoint.h"
#include "support/full_size.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

int64_t parameters(const std::vector<TensorSpec>& specs) {
  return std::accumulate(specs.begin(), specs.end(), int64_t{0}, [](int64_t sum, const auto& spec) {
    return sum + element_count(spec.shape);
  });
}

TEST(Sizes, FullSizeParameterCountsAreThePublishedOnes) {
  const testing::FullSizes sizes = testing::full_sizes();
  EXPECT_EQ(parameters(tensors_of(sizes.unet)), 859'520'964);
  EXPECT_EQ(parameters(tensors_of(sizes.control)), 361'279'120);
  EXPECT_EQ(parameters(tensors_of(sizes.vae)), 83'653'863);
  EXPECT_EQ(parameters(tensors_of(sizes.text)), 123'060'480);
}

TEST(Sizes, AreReadOffAGenuineCheckpoint) {
  const auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto control = load_checkpoint(testing::tiny_control_path()).tensors;
  UnetSizes unet = {.in_channels = 4,
                    .out_channels = 4,
                    .model_channels = 32,
                    .channels = {32, 32, 64, 64},
                    .attention = {true, true, true, false},
                    .res_blocks = 2,
                    .transformer_depth = 1,
                    .context_width = 64,
                    .time_width = 128,
                    .heads = 8,
                    .groups = 32};
  EXPECT_EQ(read_unet_sizes(model), unet);
  unet.out_channels = 0;
  EXPECT_EQ(read_controlnet_sizes(control),
            (ControlnetSizes{unet, {3, 16, 16, 32, 32, 96, 96, 256, 32}}));
  EXPECT_EQ(read_clip_sizes(model), (ClipSizes{49408, 77, 64, 3, 1, 256}));
  EXPECT_EQ(read_vae_sizes(model), (VaeSizes{3, 4, 8, 32, {32, 32, 64, 64}, 2, 32}));
}

// The lists against files that the original code wrote: nothing missing, nothing left over.
TEST(Sizes, ListEveryTensorOfAGenuineCheckpoint) {
  const auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto control = load_checkpoint(testing::tiny_control_path()).tensors;
  std::vector<TensorSpec> needed = tensors_of(read_unet_sizes(model));
  for (const auto& more : {tensors_of(read_vae_sizes(model)), tensors_of(read_clip_sizes(model))})
    needed.insert(needed.end(), more.begin(), more.end());
  EXPECT_TRUE(problems(model, needed).empty());
  std::set<std::string> listed;
  for (const auto& spec : needed) listed.insert(spec.name);
  EXPECT_EQ(listed.size(), needed.size());
  for (const auto& [name, _] : model.tensors) EXPECT_TRUE(listed.contains(name)) << name;
  const auto control_needed = tensors_of(read_controlnet_sizes(control));
  EXPECT_TRUE(problems(control, control_needed).empty());
  EXPECT_EQ(control_needed.size(), control.tensors.size());
}

TEST(Sizes, ConfigurationsSayHeadsAndGroups) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  model.metadata["unet/config.json"] = R"({"attention_head_dim": 4, "norm_num_groups": 16})";
  model.metadata["text_encoder/config.json"] = R"({"num_attention_heads": 2})";
  EXPECT_EQ(read_unet_sizes(model).heads, 4);
  EXPECT_EQ(read_unet_sizes(model).groups, 16);
  EXPECT_EQ(read_clip_sizes(model).heads, 2);
  model.metadata["unet/config.json"] = R"({"attention_head_dim": [5, 10], "norm_num_groups": -1})";
  EXPECT_EQ(read_unet_sizes(model).heads, 8);
  EXPECT_EQ(read_unet_sizes(model).groups, 32);
  model.metadata["unet/config.json"] = R"({"attention_head_dim": 7})";
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"32 channels", "7 heads"}, [&] { read_unet_sizes(model); }));
}

TEST(Sizes, TheVaesConfigurationSaysItsScalingFactor) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto factor = [&](const char* config) {
    model.metadata["vae/config.json"] = config;
    return read_vae_sizes(model).scaling_factor;
  };
  EXPECT_EQ(factor("{}"), 0.18215);
  EXPECT_EQ(factor(R"({"scaling_factor": null})"), 0.18215);
  EXPECT_EQ(factor(R"({"scaling_factor": 0.13025})"), 0.13025);
  EXPECT_EQ(factor(R"({"scaling_factor": 1})"), 1);
  for (const std::string bad : {"0", "-1", "1e-300", "true", "\"0.1\"", "[1]"})
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"scaling_factor: " + bad, "a positive number"},
                           [&] { factor((R"({"scaling_factor": )" + bad + "}").c_str()); }));
}

TEST(Sizes, ErrorsNameTheTensor) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto needed = tensors_of(read_unet_sizes(model));
  const std::string bias = "model.diffusion_model.input_blocks.1.0.in_layers.2.bias";
  const std::string weight = "model.diffusion_model.out.2.weight";
  auto damaged = model;
  damaged.tensors.erase(bias);
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"m.ckpt", bias, "missing"},
                         [&] { check_complete(damaged, needed, "m.ckpt"); }));
  damaged.unusable[bias] = "a numpy.ndarray";
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {bias, "found a numpy.ndarray"},
                         [&] { check_complete(damaged, needed, "m.ckpt"); }));
  damaged.tensors[weight] = Tensor({DType::f16, {4, 32, 3, 1}});
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"and 1 more"},
                         [&] { check_complete(damaged, needed, "m.ckpt"); }));
  const auto found = problems(damaged, needed);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1],
            "tensor " + weight + ": found f16[4, 32, 3, 1], expected floating-point [4, 32, 3, 3]");

  auto hostile = model;
  hostile.tensors["model.diffusion_model.input_blocks.0.0.weight"] =
      Tensor({DType::f16, {0, 4, 3, 3}});
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"input_blocks.0.0.weight", "f16[0, 4, 3, 3]"},
                         [&] { read_unet_sizes(hostile); }));
  hostile = model;
  hostile.tensors.erase("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight");
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"layers.0.mlp.fc1.weight", "missing"},
                         [&] { read_clip_sizes(hostile); }));
}

}  // namespace
}  // namespace drypoint
