#include "checkpoint/config_rules.h"

#include <algorithm>
#include <array>

#include "checkpoint/configurations.h"

namespace drypoint {
namespace {

template <size_t M, size_t N>
constexpr std::array<KeyRule, M + N> joined(const KeyRule (&a)[M], const KeyRule (&b)[N]) {
  std::array<KeyRule, M + N> all;
  std::copy(b, b + N, std::copy(a, a + M, all.begin()));
  return all;
}

constexpr std::string_view silu = R"(["silu", "swish"])", no = "[false, null]", none = "[null]";

// What diffusers' UNet and ControlNet have in common.
constexpr KeyRule trunk_rules[] = {
    {"act_fn", silu},
    {"addition_embed_type", none},
    {"addition_embed_type_num_heads"},
    {"addition_time_embed_dim"},
    {"attention_head_dim"},
    {"block_out_channels"},
    {"class_embed_type", none},
    {"cross_attention_dim"},
    {"down_block_types"},
    {"downsample_padding", "[1]"},
    {"encoder_hid_dim", none},
    {"encoder_hid_dim_type", none},
    {"flip_sin_to_cos", "[true]"},
    {"freq_shift", "[0]"},
    {"in_channels"},
    {"layers_per_block"},
    {"mid_block_scale_factor", "[1]"},
    {"mid_block_type", R"(["UNetMidBlock2DCrossAttn"])"},
    {"norm_eps", "[1e-5]"},
    {"norm_num_groups"},
    {"num_attention_heads"},
    {"num_class_embeds", none},
    {"only_cross_attention", "[false, [false, false, false, false]]"},
    {"projection_class_embeddings_input_dim", none},
    {"quantization_config"},  // the tensors themselves say it
    {"resnet_time_scale_shift", R"(["default"])"},
    {"sample_size"},
    {"transformer_layers_per_block"},
    {"upcast_attention"},  // precision alone
    {"use_linear_projection"},
};

// diffusers/models/unets/unet_2d_condition.py, beside these
constexpr KeyRule unet_rules[] = {
    {"_class_name", R"(["UNet2DConditionModel"])"},
    {"attention_type", R"(["default", null])"},
    {"center_input_sample", no},
    {"class_embeddings_concat", no},
    {"conv_in_kernel", "[3]"},
    {"conv_out_kernel", "[3]"},
    {"cross_attention_norm", none},
    {"dropout"},
    {"dual_cross_attention", no},
    {"mid_block_only_cross_attention", no},
    {"out_channels"},
    {"resnet_out_scale_factor", "[1, null]"},
    {"resnet_skip_time_act", no},
    {"reverse_transformer_layers_per_block", none},
    {"time_cond_proj_dim"},
    {"time_embedding_act_fn", none},
    {"time_embedding_dim"},
    {"time_embedding_type", R"(["positional"])"},
    {"timestep_post_act", none},
    {"up_block_types"},
};

// diffusers/models/controlnets/controlnet.py, beside these
constexpr KeyRule control_rules[] = {
    {"_class_name", R"(["ControlNetModel"])"},
    {"conditioning_channels"},
    {"conditioning_embedding_out_channels"},
    {"controlnet_conditioning_channel_order", R"(["rgb"])"},
    {"global_pool_conditions"},
};

// diffusers/models/adapter.py
constexpr KeyRule adapter_rules[] = {
    {"_class_name", R"(["T2IAdapter"])"},
    {"adapter_type", R"(["full_adapter", "light_adapter"])"},
    {"channels"},
    {"downscale_factor", "[8]"},
    {"in_channels"},
    {"num_res_blocks"},
};

// diffusers/models/autoencoders/autoencoder_kl.py
constexpr KeyRule vae_rules[] = {
    {"_class_name", R"(["AutoencoderKL"])"},
    {"act_fn", silu},
    {"block_out_channels"},
    {"down_block_types"},
    {"force_upcast"},  // precision alone
    {"in_channels"},
    {"latent_channels"},
    {"latents_mean", none},
    {"latents_std", none},
    {"layers_per_block"},
    {"mid_block_add_attention", "[true]"},
    {"norm_num_groups"},
    {"out_channels"},
    {"sample_size"},
    {"scaling_factor"},
    {"shift_factor", "[null, 0]"},
    {"up_block_types"},
    {"use_post_quant_conv", "[true]"},
    {"use_quant_conv", "[true]"},
};

// diffusers/models/autoencoders/autoencoder_tiny.py
constexpr KeyRule taesd_rules[] = {
    {"_class_name", R"(["AutoencoderTiny"])"},
    {"act_fn", R"(["relu"])"},
    {"block_out_channels"},
    {"decoder_block_out_channels"},
    {"encoder_block_out_channels"},
    {"force_upcast"},  // precision alone
    {"in_channels", "[3]"},
    {"latent_channels"},
    {"latent_magnitude"},
    {"latent_shift"},
    {"num_decoder_blocks", "[[3, 3, 3, 1]]"},
    {"num_encoder_blocks", "[[1, 3, 3, 3]]"},
    {"out_channels", "[3]"},
    {"scaling_factor", "[1]"},
    {"shift_factor", "[0, null]"},
    {"upsample_fn", R"(["nearest"])"},
    {"upsampling_scaling_factor", "[2]"},
};

// transformers/models/clip/configuration_clip.py, and what every configuration may hold
// (configuration_utils.py), most of which is about training and other kinds of models.
constexpr KeyRule text_rules[] = {
    {"architectures", R"([["CLIPTextModel"], ["CLIPModel"], null])"},
    {"attention_dropout"},
    {"bos_token_id"},
    {"dropout"},
    {"dtype"},
    {"eos_token_id"},
    {"gradient_checkpointing"},
    {"hidden_act", R"(["quick_gelu", "gelu"])"},
    {"hidden_size"},
    {"initializer_factor"},
    {"initializer_range"},
    {"intermediate_size"},
    {"layer_norm_eps", "[1e-5]"},
    {"logit_scale_init_value"},
    {"max_position_embeddings"},
    {"model_type", R"(["clip_text_model", "clip"])"},
    {"num_attention_heads"},
    {"num_hidden_layers"},
    {"pad_token_id"},
    {"projection_dim"},
    {"torch_dtype"},
    {"transformers_version"},
    {"vocab_size"},

    {"add_cross_attention", no},
    {"bad_words_ids"},
    {"begin_suppress_tokens"},
    {"chunk_size_feed_forward"},
    {"cross_attention_hidden_size"},
    {"decoder_start_token_id"},
    {"diversity_penalty"},
    {"do_sample"},
    {"early_stopping"},
    {"encoder_no_repeat_ngram_size"},
    {"exponential_decay_length_penalty"},
    {"finetuning_task"},
    {"forced_bos_token_id"},
    {"forced_eos_token_id"},
    {"id2label"},
    {"is_composition"},
    {"is_decoder", no},
    {"is_encoder_decoder", no},
    {"label2id"},
    {"length_penalty"},
    {"max_length"},
    {"min_length"},
    {"no_repeat_ngram_size"},
    {"num_beam_groups"},
    {"num_beams"},
    {"num_labels"},
    {"num_return_sequences"},
    {"output_attentions"},
    {"output_hidden_states"},
    {"output_scores"},
    {"prefix"},
    {"problem_type"},
    {"pruned_heads", "[{}, null]"},
    {"remove_invalid_values"},
    {"repetition_penalty"},
    {"return_dict"},
    {"return_dict_in_generate"},
    {"sep_token_id"},
    {"suppress_tokens"},
    {"task_specific_params"},
    {"temperature"},
    {"tf_legacy_loss"},
    {"tie_encoder_decoder"},
    {"tie_word_embeddings"},
    {"tokenizer_class"},
    {"top_k"},
    {"top_p"},
    {"torchscript"},
    {"typical_p"},
    {"use_bfloat16"},
    {"use_cache"},
};

// diffusers/schedulers: the keys of all of them, since each keeps those of the one that it was made
// from. The noise that the model was trained on is obeyed (noise_schedule.h), and what it predicts
// (prediction.h). The sampler is the request's choice, and with it all that only says how other
// samplers step.
constexpr KeyRule scheduler_rules[] = {
    {"_class_name",
     R"(["DDIMScheduler", "DDIMParallelScheduler", "PNDMScheduler", "DDPMScheduler",
         "DDPMParallelScheduler", "LMSDiscreteScheduler", "EulerDiscreteScheduler",
         "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "KDPM2DiscreteScheduler",
         "KDPM2AncestralDiscreteScheduler", "DPMSolverMultistepScheduler",
         "DPMSolverSinglestepScheduler", "DPMSolverSDEScheduler", "DEISMultistepScheduler",
         "UniPCMultistepScheduler", "SASolverScheduler"])"},
    {"algorithm_type"},
    {"beta_end"},
    {"beta_schedule"},
    {"beta_start"},
    {"clip_sample"},
    {"clip_sample_range"},
    {"corrector_order"},
    {"disable_corrector"},
    {"dynamic_thresholding_ratio"},
    {"euler_at_final"},
    {"final_sigmas_type"},
    {"flow_shift"},
    {"interpolation_type"},
    {"lambda_min_clipped"},
    {"lower_order_final"},
    {"noise_sampler_seed"},
    {"num_train_timesteps", "[1000]"},
    {"original_inference_steps"},
    {"predict_x0"},
    {"prediction_type", R"(["epsilon", "v_prediction", "sample"])"},
    {"predictor_order"},
    {"rescale_betas_zero_snr", "[true, false, null]"},
    {"sample_max_value"},
    {"set_alpha_to_one"},
    {"shift_terminal", none},
    {"sigma_max", none},
    {"sigma_min", none},
    {"skip_prk_steps"},
    {"solver_order"},
    {"solver_p"},
    {"solver_type"},
    {"steps_offset"},
    {"tau_func"},
    {"thresholding", no},
    {"time_shift_type"},
    {"timestep_scaling"},
    {"timestep_spacing"},
    {"timestep_type", R"(["discrete"])"},
    {"trained_betas"},
    {"use_beta_sigmas"},
    {"use_dynamic_shifting", no},
    {"use_exponential_sigmas"},
    {"use_flow_sigmas", no},
    {"use_karras_sigmas"},
    {"use_lu_lambdas"},
    {"variance_type"},
};

// What DDIM, the sampler here, must be told.
constexpr KeyRule ddim_rules[] = {
    {"clip_sample", no},
    {"set_alpha_to_one", "[false]"},
    {"steps_offset", "[1]"},
    {"timestep_spacing", R"(["leading", "trailing", "linspace"])"},
};

constexpr KeyRule pipeline_rules[] = {
    {"_class_name",
     R"(["StableDiffusionPipeline", "StableDiffusionControlNetPipeline",
         "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline",
         "StableDiffusionInpaintPipelineLegacy", "StableDiffusionControlNetImg2ImgPipeline",
         "StableDiffusionControlNetInpaintPipeline", "StableDiffusionPipelineSafe"])"},
    {"controlnet", R"([["diffusers", "ControlNetModel"]])"},
    {"feature_extractor"},
    {"image_encoder"},
    {"requires_safety_checker"},
    {"safety_checker"},
    {"scheduler"},
    {"text_encoder", R"([["transformers", "CLIPTextModel"]])"},
    {"tokenizer", R"([["transformers", "CLIPTokenizer"], ["transformers", "CLIPTokenizerFast"]])"},
    {"unet", R"([["diffusers", "UNet2DConditionModel"]])"},
    {"vae", R"([["diffusers", "AutoencoderKL"]])"},
};

// transformers/tokenization_utils_base.py; tokens are looked at one by one.
constexpr KeyRule tokenizer_rules[] = {
    {"add_bos_token", "[true]"},
    {"add_eos_token", "[true]"},
    {"add_prefix_space", no},
    {"added_tokens_decoder"},
    {"additional_special_tokens", "[[], null]"},
    {"backend"},
    {"bos_token"},
    {"chat_template"},
    {"clean_up_tokenization_spaces"},
    {"cls_token", none},
    {"do_lower_case", "[true]"},
    {"eos_token"},
    {"errors", R"(["replace"])"},
    {"extra_special_tokens", "[[], {}, null]"},
    {"from_slow"},
    {"is_local"},
    {"local_files_only"},
    {"mask_token", none},
    {"max_length"},
    {"model_input_names"},
    {"model_max_length", "[77]"},
    {"name_or_path"},
    {"pad_to_multiple_of"},
    {"pad_token"},
    {"pad_token_type_id"},
    {"padding"},
    {"padding_side", R"(["right"])"},
    {"processor_class"},
    {"return_tensors"},
    {"sep_token", none},
    {"special_tokens_map_file"},
    {"split_special_tokens", no},
    {"stride"},
    {"tokenizer_class", R"(["CLIPTokenizer", "CLIPTokenizerFast"])"},
    {"tokenizer_file"},
    {"trim_offsets"},
    {"truncation"},
    {"truncation_side", R"(["right"])"},
    {"truncation_strategy"},
    {"unk_token"},
    {"use_fast"},
    {"verbose"},
    {"vocab_size"},
};

}  // namespace

std::span<const KeyRule> rules_of(std::string_view place) {
  static constexpr auto unet = joined(trunk_rules, unet_rules);
  static constexpr auto control = joined(trunk_rules, control_rules);
  if (place == unet_config) return unet;
  if (place == control_config) return control;
  if (place == adapter_config) return adapter_rules;
  if (place == vae_config) return vae_rules;
  if (place == taesd_config) return taesd_rules;
  if (place == text_config) return text_rules;
  if (place == scheduler_config) return scheduler_rules;
  if (place == "DDIMScheduler") return ddim_rules;
  if (place == pipeline_config) return pipeline_rules;
  if (place == tokenizer_config) return tokenizer_rules;
  return {};
}

}  // namespace drypoint
