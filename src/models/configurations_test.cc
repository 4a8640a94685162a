#include "checkpoint/configurations.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "checkpoint/config_rules.h"
#include "checkpoint/noise_schedule.h"
#include "models/assemble.h"
#include "models/detect.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;
using testing::data;
using testing::fails_with;
using testing::TemporaryFolder;

/// A small model's folder, of which configurations may be changed.
class Configurations : public ::testing::Test {
 protected:
  Configurations() {
    std::filesystem::copy(data("checkpoint/small"), model(),
                          std::filesystem::copy_options::recursive);
  }
  std::filesystem::path model() const { return folder_ / "m"; }
  /// Sets a key, runs, and puts the file back.
  template <class Run>
  auto with(std::string_view place, const std::string& key, const json& value, const Run& run) {
    const auto file = model() / place;
    const std::string before = read_file(file);
    json config = json::parse(before);
    config[key] = value;
    write_file(file, config.dump());
    auto result = run();
    write_file(file, before);
    return result;
  }
  ::testing::AssertionResult refuses(std::string_view place, const std::string& key,
                                     const json& value, ErrorKind kind = ErrorKind::unsupported) {
    return with(place, key, value, [&] {
      return fails_with(kind, {std::string(place), key}, [&] { assemble({.model = model()}); });
    });
  }
  bool takes(std::string_view place, const std::string& key, const json& value) {
    return with(place, key, value, [&] {
      assemble({.model = model()});
      return true;
    });
  }

  TemporaryFolder folder_;
};

TEST_F(Configurations, WhatChangesTheComputationIsRefusedByName) {
  for (const std::string_view place : {unet_config, control_config}) {
    EXPECT_TRUE(refuses(place, "act_fn", "gelu"));
    EXPECT_TRUE(refuses(place, "freq_shift", 1));
    EXPECT_TRUE(refuses(place, "flip_sin_to_cos", false));
    EXPECT_TRUE(refuses(place, "norm_eps", 1e-6));
    EXPECT_TRUE(refuses(place, "mid_block_scale_factor", 2));
    EXPECT_TRUE(refuses(place, "downsample_padding", 0));
    EXPECT_TRUE(refuses(place, "only_cross_attention", true));
    EXPECT_TRUE(refuses(place, "resnet_time_scale_shift", "scale_shift"));
    EXPECT_TRUE(refuses(place, "class_embed_type", "timestep"));
    EXPECT_TRUE(refuses(place, "addition_embed_type", "text_time"));
    EXPECT_TRUE(refuses(place, "encoder_hid_dim_type", "text_proj"));
    EXPECT_TRUE(refuses(place, "a_key_of_tomorrow", 3));
    EXPECT_TRUE(refuses(place, "_class_name", "UNet1DModel"));
  }
  EXPECT_TRUE(refuses(unet_config, "time_cond_proj_dim", 256, ErrorKind::bad_file));
  EXPECT_TRUE(refuses(unet_config, "center_input_sample", true));
  EXPECT_TRUE(refuses(unet_config, "resnet_skip_time_act", true));
  EXPECT_TRUE(refuses(unet_config, "time_embedding_type", "fourier"));
  EXPECT_TRUE(refuses(unet_config, "dual_cross_attention", true));
  EXPECT_TRUE(refuses(control_config, "controlnet_conditioning_channel_order", "bgr"));
  EXPECT_TRUE(refuses(vae_config, "latents_mean", json{0, 0, 0, 0}));
  EXPECT_TRUE(refuses(vae_config, "shift_factor", 0.1));
  EXPECT_TRUE(refuses(vae_config, "use_quant_conv", false));
  EXPECT_TRUE(refuses(vae_config, "mid_block_add_attention", false));
  EXPECT_TRUE(refuses(vae_config, "_class_name", "AutoencoderTiny"));
  EXPECT_TRUE(refuses(text_config, "hidden_act", "gelu_new"));
  EXPECT_TRUE(refuses(text_config, "layer_norm_eps", 1e-6));
  EXPECT_TRUE(refuses(text_config, "architectures", json{"CLIPTextModelWithProjection"}));
  EXPECT_TRUE(refuses(scheduler_config, "prediction_type", "flow_prediction"));
  EXPECT_TRUE(refuses(scheduler_config, "num_train_timesteps", 500));
  EXPECT_TRUE(refuses(scheduler_config, "thresholding", true));
  EXPECT_TRUE(refuses(scheduler_config, "_class_name", "FlowMatchEulerDiscreteScheduler"));
}

TEST_F(Configurations, HeadsAreALevelsAndANetworksOwn) {
  const auto heads_of = [](const UnetConfig& config) {
    std::vector<int64_t> heads;
    for (const UnetConfig::Level& level : config.levels) heads.push_back(level.heads);
    heads.push_back(config.middle.heads);
    return heads;
  };
  const auto config = [&] { return detect(assemble({.model = model()}).tensors); };
  const std::vector<int64_t> plain{2, 2, 2}, own{2, 4, 4};
  with(control_config, "attention_head_dim", json{2, 4}, [&] {
    EXPECT_EQ(heads_of(config().unet), plain);
    EXPECT_EQ(heads_of(config().controlnet(0).trunk), own);
    return 0;
  });
  with(unet_config, "attention_head_dim", json{2, 4}, [&] {
    EXPECT_EQ(heads_of(config().unet), own);
    EXPECT_EQ(heads_of(config().controlnet(0).trunk), plain);
    return 0;
  });
}

TEST_F(Configurations, WhatIsTheSameComputationIsTaken) {
  EXPECT_TRUE(takes(unet_config, "sample_size", 96));
  EXPECT_TRUE(takes(unet_config, "_name_or_path", "/tmp/model"));
  EXPECT_TRUE(takes(unet_config, "act_fn", "swish"));
  EXPECT_TRUE(takes(unet_config, "upcast_attention", true));
  EXPECT_TRUE(takes(unet_config, "norm_eps", json::parse("0.00001")));
  EXPECT_TRUE(takes(unet_config, "attention_head_dim", json{2, 2}));
  EXPECT_TRUE(takes(unet_config, "layers_per_block", json{1, 1}));
  EXPECT_TRUE(takes(vae_config, "force_upcast", false));
  EXPECT_TRUE(takes(scheduler_config, "skip_prk_steps", true));
  EXPECT_TRUE(takes(scheduler_config, "prediction_type", "v_prediction"));
  EXPECT_TRUE(takes(scheduler_config, "rescale_betas_zero_snr", true));
  EXPECT_TRUE(takes(text_config, "hidden_act", "gelu"));
  EXPECT_TRUE(takes(text_config, "torch_dtype", "float16"));
}

TEST_F(Configurations, SizesThatContradictTheTensorsAreRefused) {
  const auto contradicts = [&](std::string_view place, const std::string& key, const json& value) {
    return refuses(place, key, value, ErrorKind::bad_file);
  };
  EXPECT_TRUE(contradicts(unet_config, "block_out_channels", json{8, 16}));
  EXPECT_TRUE(contradicts(unet_config, "layers_per_block", 2));
  EXPECT_TRUE(contradicts(unet_config, "cross_attention_dim", 768));
  EXPECT_TRUE(contradicts(unet_config, "attention_head_dim", "2"));
  EXPECT_TRUE(contradicts(unet_config, "attention_head_dim", 0));
  EXPECT_TRUE(contradicts(unet_config, "use_linear_projection", false));
  EXPECT_TRUE(contradicts(unet_config, "norm_num_groups", nullptr));
  EXPECT_TRUE(
      contradicts(unet_config, "down_block_types", json{"DownBlock2D", "CrossAttnDownBlock2D"}));
  EXPECT_TRUE(contradicts(unet_config, "up_block_types", json{"UpBlock2D", "AttnUpBlock2D"}));
  EXPECT_TRUE(contradicts(control_config, "conditioning_channels", 1));
  EXPECT_TRUE(contradicts(control_config, "conditioning_embedding_out_channels", json{4, 8}));
  EXPECT_TRUE(contradicts(vae_config, "latent_channels", 16));
  EXPECT_TRUE(contradicts(text_config, "hidden_size", 768));
  EXPECT_TRUE(contradicts(text_config, "num_hidden_layers", 3));
}

TEST_F(Configurations, FewerTextLayersThanThereAreTensors) {
  EXPECT_EQ(detect_clip(assemble({.model = model()}).tensors).layers, 2);
  with(text_config, "num_hidden_layers", 1, [&] {
    EXPECT_EQ(detect_clip(assemble({.model = model()}).tensors).layers, 1);
    return 0;
  });
}

TEST_F(Configurations, Pipelines) {
  const auto write = [&](const std::string& text) {
    write_file(model() / "model_index.json", text);
    return fails_with(ErrorKind::unsupported, {"model_index.json"},
                      [&] { assemble({.model = model()}); });
  };
  EXPECT_TRUE(write(R"({"_class_name": "LatentConsistencyModelPipeline"})"));
  EXPECT_TRUE(write(R"({"unet": ["diffusers", "UNet3DConditionModel"]})"));
  EXPECT_TRUE(write(R"({"vae": ["diffusers", "AutoencoderTiny"]})"));
  EXPECT_TRUE(write(R"({"adapter": ["diffusers", "T2IAdapter"]})"));
  // As genuine folders of Stable Diffusion 1.5 and fine-tunes have it.
  write_file(model() / "model_index.json",
             R"({"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
                 "feature_extractor": ["transformers", "CLIPImageProcessor"],
                 "safety_checker": [null, null], "requires_safety_checker": false,
                 "image_encoder": [null, null], "text_encoder_2": [null, null],
                 "scheduler": ["diffusers", "PNDMScheduler"],
                 "text_encoder": ["transformers", "CLIPTextModel"],
                 "tokenizer": ["transformers", "CLIPTokenizer"],
                 "unet": ["diffusers", "UNet2DConditionModel"],
                 "vae": ["diffusers", "AutoencoderKL"]})");
  EXPECT_TRUE(assemble({.model = model()}).has(Part::unet));
}

TEST_F(Configurations, TokenizersAreChecked) {
  std::filesystem::create_directory(model() / "tokenizer");
  const auto write = [&](const std::string& name, const std::string& text) {
    write_file(model() / "tokenizer" / name, text);
    return model() / "tokenizer";
  };
  const auto refuses_it = [&](const std::string& name, const std::string& text,
                              const std::string& what, ErrorKind kind = ErrorKind::unsupported) {
    const auto result = fails_with(kind, {name, what}, [&] {
      write(name, text);
      assemble({.model = model()});
    });
    std::filesystem::remove(model() / "tokenizer" / name);
    return result;
  };
  EXPECT_TRUE(refuses_it("added_tokens.json", R"({"<cat-toy>": 49408.5})", "<cat-toy>",
                         ErrorKind::bad_file));
  EXPECT_TRUE(
      refuses_it("added_tokens.json", R"({"<cat-toy>": -1})", "<cat-toy>", ErrorKind::bad_file));
  EXPECT_TRUE(refuses_it("special_tokens_map.json", R"({"pad_token": "<pad>"})", "pad_token"));
  EXPECT_TRUE(
      refuses_it("special_tokens_map.json", R"({"additional_special_tokens": ["<a>"]})", "<a>"));
  EXPECT_TRUE(refuses_it("tokenizer_config.json", R"({"model_max_length": 248})", "248"));
  EXPECT_TRUE(refuses_it("tokenizer_config.json",
                         R"({"bos_token": {"__type": "AddedToken", "content": "<s>"}})", "<s>"));
  EXPECT_TRUE(
      refuses_it("tokenizer_config.json",
                 R"({"added_tokens_decoder": {"49408": {"content": "sks", "single_word": true}}})",
                 "single_word"));
  EXPECT_TRUE(refuses_it("tokenizer_config.json",
                         R"({"added_tokens_decoder": {"x": {"content": "sks"}}})", "sks",
                         ErrorKind::bad_file));
  EXPECT_TRUE(refuses_it("tokenizer_config.json", R"({"do_lower_case": false})", "do_lower_case"));
  write("tokenizer_config.json",
        R"({"add_prefix_space": false, "bos_token": {"__type": "AddedToken", "content":
            "<|startoftext|>", "lstrip": false, "normalized": true, "rstrip": false,
            "single_word": false}, "do_lower_case": true, "eos_token": "<|endoftext|>",
            "errors": "replace", "model_max_length": 77, "name_or_path":
            "openai/clip-vit-large-patch14", "pad_token": "<|endoftext|>",
            "special_tokens_map_file": "./special_tokens_map.json",
            "tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>"})");
  write("added_tokens.json", R"({"<|startoftext|>": 49406, "<|endoftext|>": 49407})");
  EXPECT_TRUE(assemble({.model = model()}).has(Part::text));
  EXPECT_EQ(added_tokens(model() / "tokenizer"), AddedTokens());

  // The padding of a model is that of its tokenizer: of transformers' files the map counts, unless
  // the other lists the tokens.
  const auto padding = [&] {
    return assemble({.model = model()}).tensors.metadata.find(padding_key)->second;
  };
  EXPECT_EQ(padding(), "<|endoftext|>");
  write("special_tokens_map.json", R"({"pad_token": "!"})");
  EXPECT_EQ(padding(), "!");
  write("tokenizer_config.json",
        R"({"added_tokens_decoder": {"0": {"content": "!"}}, "pad_token": "<|endoftext|>"})");
  EXPECT_EQ(padding(), "<|endoftext|>");

  // Added words are kept, from whichever file; two must agree.
  write("added_tokens.json", R"({"<cat-toy>": 49408})");
  write("tokenizer_config.json",
        R"({"added_tokens_decoder": {"49408": {"content": "<cat-toy>"}, "49409": {"content":
            "<cat-toy>_1", "special": false}}})");
  write("special_tokens_map.json", R"({"additional_special_tokens": ["<cat-toy>"]})");
  const AddedTokens expected{{"<cat-toy>", 49408}, {"<cat-toy>_1", 49409}};
  EXPECT_EQ(added_tokens(assemble({.model = model()}).tensors.metadata, "m"), expected);
  write("added_tokens.json", R"({"<cat-toy>": 49410})");
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"tokenizer_config.json", "49408", "49410"},
                         [&] { assemble({.model = model()}); }));
}

TEST_F(Configurations, TensorsOfAPartThatAreNotUsedAreNamed) {
  const auto refuses_it = [&](const std::string& name) {
    auto model = assemble({.model = this->model()});
    model.tensors.tensors[name] = Tensor({DType::f16, {2}});
    return fails_with(ErrorKind::unsupported, {name}, [&] { check_fit(model); });
  };
  EXPECT_TRUE(refuses_it("model.diffusion_model.time_embed.cond_proj.bias"));
  EXPECT_TRUE(refuses_it("control_model.task_embedding"));
  EXPECT_TRUE(refuses_it("first_stage_model.decoder.up.7.block.0.conv1.weight"));
  EXPECT_TRUE(refuses_it("cond_stage_model.transformer.text_model.encoder.layers.1.lora"));
  auto model = assemble({.model = this->model()});
  for (const char* name : {"cond_stage_model.transformer.text_model.embeddings.position_ids",
                           "cond_stage_model.transformer.text_projection.weight",
                           "first_stage_model.loss.logvar", "model_ema.decay"})
    model.tensors.tensors[name] = Tensor({DType::f16, {2}});
  check_fit(model);
  // Of a UNet that is told the guidance scale, unlike its ControlNet.
  const int64_t channels = detect_unet(model.tensors).model_channels;
  model.tensors.tensors["model.diffusion_model.time_embed.cond_proj.weight"] =
      Tensor({DType::f16, {channels, 16}});
  check_fit(model);
}

TEST(ConfigRules, AllowedValuesAreListsOfValues) {
  for (const std::string_view place : {unet_config, control_config, vae_config, text_config,
                                       scheduler_config, pipeline_config, tokenizer_config}) {
    EXPECT_FALSE(rules_of(place).empty()) << place;
    for (const KeyRule& rule : rules_of(place))
      if (!rule.values.empty()) {
        EXPECT_TRUE(json::parse(rule.values).is_array()) << rule.key;
      }
  }
  EXPECT_TRUE(rules_of("readme.json").empty());
}

TEST_F(Configurations, DdimsSpacingIsObeyed) {
  const auto spacing = [](const json& config) {
    return ddim_spacing({{std::string(scheduler_config), config.dump()}}, "s.json");
  };
  EXPECT_EQ(spacing({{"_class_name", "DDIMScheduler"}, {"timestep_spacing", "trailing"}}),
            "trailing");
  EXPECT_EQ(spacing({{"timestep_spacing", "linspace"}}), "linspace");
  EXPECT_EQ(spacing({{"timestep_spacing", "leading"}}), "");
  EXPECT_EQ(spacing({{"_class_name", "PNDMScheduler"}, {"timestep_spacing", "trailing"}}), "");
  EXPECT_EQ(spacing(json::object()), "");
  EXPECT_EQ(ddim_spacing({}, "s.json"), "");
}

std::vector<float> alphas(const json& config) {
  return *configured_alphas_cumprod({{std::string(scheduler_config), config.dump()}}, "s.json");
}

TEST(NoiseSchedule, AsDiffusersComputesIt) {
  EXPECT_FALSE(configured_alphas_cumprod({}, "s.json"));
  // alphas_cumprod[0], [500] and [999] of diffusers 0.42.1
  const struct {
    json config;
    double first, middle, last;
  } cases[] = {{{{"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", "scaled_linear"}},
                0.99915,
                0.2763326,
                0.004660095},
               {{{"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", "linear"}},
                0.99915,
                0.1607716,
                0.001578963},
               {json::object(), 0.9999, 0.07780, 4.035830e-05},
               {{{"beta_schedule", "squaredcos_cap_v2"}}, 0.99995869, 0.4922850, 2.428735e-09}};
  for (const auto& [config, first, middle, last] : cases) {
    const auto values = alphas(config);
    ASSERT_EQ(values.size(), 1000u);
    EXPECT_NEAR(values[0], first, 1e-6) << config;
    EXPECT_NEAR(values[500], middle, 2e-4 * middle) << config;
    EXPECT_NEAR(values[999], last, 2e-3 * last) << config;
  }
  std::vector<double> betas(1000, 0.5);
  EXPECT_EQ(alphas({{"trained_betas", betas}})[2], 0.125f);
}

TEST(NoiseSchedule, RefusesWhatIsNone) {
  const auto refuses = [](const json& config, ErrorKind kind, const std::string& key) {
    return fails_with(kind, {"s.json", key}, [&] { alphas(config); });
  };
  EXPECT_TRUE(refuses({{"beta_schedule", "sigmoid"}}, ErrorKind::unsupported, "sigmoid"));
  EXPECT_TRUE(refuses({{"beta_end", 1.5}}, ErrorKind::bad_file, "beta_end"));
  EXPECT_TRUE(refuses({{"beta_start", "0.1"}}, ErrorKind::bad_file, "beta_start"));
  EXPECT_TRUE(refuses({{"trained_betas", {0.1, 0.2}}}, ErrorKind::bad_file, "2 values"));
}

}  // namespace
}  // namespace drypoint
