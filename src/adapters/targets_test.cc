#include "adapters/targets.h"

#include "adapters/keys.h"
#include "checkpoint/names_diffusers.h"
#include "models/family.h"
#include "models/unet.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

TEST(DiffusersNames, GoBothWays) {
  for (const Family& family : families()) {
    const UnetConfig unet = family.config().unet;
    const auto specs = tensors_of(unet);
    std::vector<std::string> names;
    BlockCounts counts;
    for (const auto& [tensor, _] : specs) {
      const std::string relative = tensor.substr(prefix_of(Part::unet).size());
      const auto name = diffusers_name(relative, static_cast<int>(unet.res_blocks));
      ASSERT_TRUE(name) << relative;
      names.push_back(*name);
      count_blocks(*name, counts);
    }
    for (size_t i = 0; i < specs.size(); ++i)
      EXPECT_EQ(canonical_name(Part::unet, names[i], counts), specs[i].name);
  }
}

TEST(AdapterTargets, AreFoundByEveryName) {
  const AdapterTargets targets(sd15());
  const std::string block = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.";
  for (const char* name :
       {"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0",
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_out_0",
        "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0",
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0",
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out",
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0",
        "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0",
        "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_out.0",
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_out.0"}) {
    const auto* target = targets.find(name);
    ASSERT_TRUE(target) << name;
    EXPECT_EQ(target->module, block + "attn1.to_out.0") << name;
    EXPECT_EQ(target->part, Part::unet);
  }
  for (const auto& [name, module] :
       {std::pair("lora_unet_down_blocks_0_downsamplers_0_conv", "input_blocks.3.0.op"),
        {"lora_unet_up_blocks_0_upsamplers_0_conv", "output_blocks.2.1.conv"},
        {"lora_unet_up_blocks_1_upsamplers_0_conv", "output_blocks.5.2.conv"},
        {"lora_unet_mid_block_resnets_1_time_emb_proj", "middle_block.2.emb_layers.1"},
        {"lora_unet_conv_in", "input_blocks.0.0"},
        {"lora_unet_time_embedding_linear_2", "time_embed.2"},
        {"lora_unet_up_blocks_3_resnets_2_conv_shortcut", "output_blocks.11.0.skip_connection"},
        {"lora_unet_conv_norm_out", "out.0"}}) {
    ASSERT_TRUE(targets.find(name)) << name;
    EXPECT_EQ(targets.find(name)->module, std::string("model.diffusion_model.") + module);
  }
  for (const char* name :
       {"lora_te_text_model_encoder_layers_3_self_attn_q_proj",
        "lora_te1_text_model_encoder_layers_3_self_attn_q_proj",
        "text_encoder.text_model.encoder.layers.3.self_attn.q_proj",
        "text_encoder.text_model.encoder.layers.3.self_attn.to_q",
        "text_encoder.encoder.layers.3.self_attn.q_proj",
        "clip_l.transformer.text_model.encoder.layers.3.self_attn.q_proj",
        "cond_stage_model.transformer.text_model.encoder.layers.3.self_attn.q_proj"}) {
    const auto* target = targets.find(name);
    ASSERT_TRUE(target) << name;
    EXPECT_EQ(target->module,
              "cond_stage_model.transformer.text_model.encoder.layers.3.self_attn.q_proj");
    EXPECT_EQ(target->part, Part::text);
  }
  for (const char* name : {"", "lora_unet_", "lora_unet_down_blocks_9_attentions_0_proj_in",
                           "lora_te2_text_model_encoder_layers_3_self_attn_q_proj", "unet.conv"})
    EXPECT_FALSE(targets.find(name)) << name;
}

TEST(AdapterKeys, AreSplitInAnyStyle) {
  const auto split = [](const char* key) {
    const auto found = split_key(key);
    return found ? found->module + " | " + found->role : "none";
  };
  EXPECT_EQ(split("lora_unet_a_b.lora_down.weight"), "lora_unet_a_b | lora_down");
  EXPECT_EQ(split("unet.a.b.lora_A.weight"), "unet.a.b | lora_down");
  EXPECT_EQ(split("unet.a.b.lora_B.default.weight"), "unet.a.b | lora_up");
  EXPECT_EQ(split("unet.a.lora_magnitude_vector"), "unet.a | lora_magnitude_vector");
  EXPECT_EQ(split("unet.a.lora_magnitude_vector.default.weight"), "unet.a | lora_magnitude_vector");
  EXPECT_EQ(split("a.attn1.processor.to_q_lora.up.weight"), "a.attn1.to_q | lora_up");
  EXPECT_EQ(split("a.attn1.to_q.lora.down.weight"), "a.attn1.to_q | lora_down");
  EXPECT_EQ(split("a.q_proj.lora_linear_layer.up.weight"), "a.q_proj | lora_up");
  EXPECT_EQ(split("lora_unet_a.b1.weight"), "lora_unet_a | b1.weight");
  EXPECT_EQ(split("lora_unet_a.diff_b"), "lora_unet_a | diff_b");
  EXPECT_EQ(split("lora_unet_a.lora_down.bias"), "none");
  EXPECT_EQ(split(".alpha"), "none");
  EXPECT_EQ(bundled_embedding("bundle_emb.my.word.string_to_param.*"), "my.word");
  EXPECT_FALSE(bundled_embedding("bundle_emb.word.name"));
}

}  // namespace
}  // namespace drypoint
