#include "models/detect.h"

#include <fmt/format.h>

#include <numeric>
#include <set>

#include "models/assemble.h"
#include "models/clip.h"
#include "models/complete.h"
#include "models/controlnet.h"
#include "models/family.h"
#include "models/unet.h"
#include "models/vae.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

int64_t parameters(const std::vector<TensorSpec>& specs) {
  return std::accumulate(specs.begin(), specs.end(), int64_t{0}, [](int64_t sum, const auto& spec) {
    return sum + element_count(spec.shape);
  });
}

TEST(Detect, FullSizeParameterCountsAreThePublishedOnes) {
  const ModelConfig config = sd15();
  EXPECT_EQ(parameters(tensors_of(config.unet)), 859'520'964);
  EXPECT_EQ(parameters(tensors_of(config.controlnet(0))), 361'279'120);
  EXPECT_EQ(parameters(tensors_of(config.vae)), 83'653'863);
  EXPECT_EQ(parameters(tensors_of(config.text)), 123'060'480);
}

TEST(Detect, AreReadOffAGenuineCheckpoint) {
  const auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto control = load_checkpoint(testing::tiny_control_path()).tensors;
  const ModelConfig tiny = tiny_sd15();
  EXPECT_EQ(detect_unet(model), tiny.unet);
  EXPECT_EQ(detect_controlnet(control), tiny.controlnet(0));
  EXPECT_EQ(detect_clip(model), tiny.text);
  EXPECT_EQ(detect_vae(model), tiny.vae);
}

// The lists against files that the original code wrote: nothing missing, nothing left over.
TEST(Detect, ListEveryTensorOfAGenuineCheckpoint) {
  const auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto control = load_checkpoint(testing::tiny_control_path()).tensors;
  std::vector<TensorSpec> needed = tensors_of(detect_unet(model));
  for (const auto& more : {tensors_of(detect_vae(model)), tensors_of(detect_clip(model))})
    needed.insert(needed.end(), more.begin(), more.end());
  EXPECT_TRUE(problems(model, needed).empty());
  std::set<std::string> listed;
  for (const auto& spec : needed) listed.insert(spec.name);
  EXPECT_EQ(listed.size(), needed.size());
  for (const auto& [name, _] : model.tensors) EXPECT_TRUE(listed.contains(name)) << name;
  const auto control_needed = tensors_of(detect_controlnet(control));
  EXPECT_TRUE(problems(control, control_needed).empty());
  EXPECT_EQ(control_needed.size(), control.tensors.size());
}

TEST(Detect, ConfigurationsSayHeadsAndGroups) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  model.metadata["unet/config.json"] = R"({"attention_head_dim": 4, "norm_num_groups": 16})";
  model.metadata["text_encoder/config.json"] = R"({"num_attention_heads": 2})";
  EXPECT_EQ(detect_unet(model).middle.heads, 4);
  EXPECT_EQ(detect_unet(model).groups, 16);
  EXPECT_EQ(detect_clip(model).heads, 2);
  model.metadata["unet/config.json"] = R"({"attention_head_dim": [5, 10], "norm_num_groups": 16})";
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"attention_head_dim: [5,10]", "one number or 4"},
                         [&] { detect_unet(model); }));
  model.metadata["unet/config.json"] = R"({"attention_head_dim": [4, 4], "norm_num_groups": -1})";
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"norm_num_groups: -1"}, [&] { detect_unet(model); }));
  model.metadata["unet/config.json"] = R"({"attention_head_dim": [4, 8, 16, 16]})";
  std::vector<int64_t> heads;
  for (const auto& level : detect_unet(model).levels) heads.push_back(level.heads);
  EXPECT_EQ(heads, (std::vector<int64_t>{4, 8, 16, 16}));
  EXPECT_EQ(detect_unet(model).middle.heads, 16);
  model.metadata["unet/config.json"] = R"({"attention_head_dim": 7})";
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"32 channels", "7 heads"}, [&] { detect_unet(model); }));
}

TEST(Detect, TheVaesConfigurationSaysItsScalingFactor) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto factor = [&](const char* config) {
    model.metadata["vae/config.json"] = config;
    return detect_vae(model).scaling_factor;
  };
  EXPECT_EQ(factor("{}"), 0.18215);
  EXPECT_EQ(factor(R"({"scaling_factor": null})"), 0.18215);
  EXPECT_EQ(factor(R"({"scaling_factor": 0.13025})"), 0.13025);
  EXPECT_EQ(factor(R"({"scaling_factor": 1})"), 1);
  for (const std::string bad : {"0", "-1", "1e-300", "true", "\"0.1\"", "[1]"})
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"scaling_factor: " + bad, "a positive number"},
                           [&] { factor((R"({"scaling_factor": )" + bad + "}").c_str()); }));
}

TEST(Detect, NamesDoNotClaimMoreBlocksThanThereAreTensors) {
  NamedTensors claims;
  const auto put = [&](const std::string& name, Shape shape) {
    claims.tensors[std::string(prefix_of(Part::unet)) + name] =
        Tensor({DType::f16, std::move(shape)});
  };
  put("input_blocks.0.0.weight", {32, 4, 3, 3});
  put("time_embed.0.weight", {1, 1});
  put("out.2.weight", {4, 1, 1, 1});
  for (int i = 0; i < 300; ++i) {
    put(fmt::format("input_blocks.{}.0.out_layers.3.weight", 2 * i + 1), {32, 1, 1, 1});
    put(fmt::format("input_blocks.{}.1.x", 2 * i + 1), {1});
    put(fmt::format("input_blocks.{}.0.op.weight", 2 * i + 2), {1});
    put(fmt::format("middle_block.1.transformer_blocks.{}.attn2.to_k.weight", i), {1, 8});
  }
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"300 levels", "300 transformer blocks"},
                         [&] { detect_unet(claims); }));
}

TEST(Detect, AVaeMayHaveADecoderOnly) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto whole = detect_vae(model);
  const std::string prefix(prefix_of(Part::vae));
  std::erase_if(model.tensors, [&](const auto& named) {
    return named.first.starts_with(prefix + "encoder.") ||
           named.first.starts_with(prefix + "quant_conv.");
  });
  auto config = detect_vae(model);
  EXPECT_FALSE(config.has_encoder);
  EXPECT_TRUE(problems(model, tensors_of(config)).empty());
  config.has_encoder = true;
  EXPECT_EQ(config, whole);
}

TEST(Detect, ErrorsNameTheTensor) {
  auto model = load_checkpoint(testing::tiny_model_path()).tensors;
  const auto needed = tensors_of(detect_unet(model));
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
                         [&] { detect_unet(hostile); }));
  hostile = model;
  hostile.tensors.erase("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight");
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"layers.0.mlp.fc1.weight", "missing"},
                         [&] { detect_clip(hostile); }));
}

}  // namespace
}  // namespace drypoint
