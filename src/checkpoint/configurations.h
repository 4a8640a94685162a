// The JSON files of a diffusers folder: every key is known, and what it says is obeyed or refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/named_tensors.h"

namespace drypoint {

/// A configuration's place in a folder; also the name of its rules.
inline constexpr std::string_view unet_config = "unet/config.json",
                                  control_config = "controlnet/config.json",
                                  adapter_config = "t2iadapter/config.json",
                                  vae_config = "vae/config.json",
                                  taesd_config = "taesd/config.json",
                                  text_config = "text_encoder/config.json",
                                  scheduler_config = "scheduler/scheduler_config.json",
                                  pipeline_config = "model_index.json",
                                  tokenizer_config = "tokenizer/tokenizer_config.json";

/// Checks the configuration of that place, if `metadata` have it: each key must be one that is
/// known, with a value that the computation here has. `file` is for messages. Throws unsupported
/// naming key, value and what was expected; bad_file for what is no JSON object.
void check_configuration(const Metadata& metadata, std::string_view place, const std::string& file);

/// Whether a ControlNet's configuration has what it gives averaged over the picture.
bool says_pooled(std::string_view configuration);

/// Checks what DDIM, the sampler here, is told by a scheduler's configuration of its class, if
/// `metadata` have one. Throws unsupported.
void check_sampler(const Metadata& metadata, const std::string& file);

/// The spacing of timesteps that a scheduler's configuration of DDIM's class asks for, "trailing"
/// or "linspace"; empty for "leading", for other classes, and where `metadata` have none.
std::string ddim_spacing(const Metadata& metadata, const std::string& file);

/// Checks that the configuration of that place, if `metadata` have it, says of these keys what the
/// tensors' shapes say (an object; keys that it lacks are passed over). Throws bad_file.
void expect_sizes(const Metadata& metadata, std::string_view place, const nlohmann::json& sizes,
                  const std::string& file);

/// Checks a tokenizer's folder: the begin and end marks must be CLIP's, the padding OpenAI's (the
/// end mark) or OpenCLIP's ("!"), and no words may have been added to the vocabulary. Throws
/// unsupported, bad_file.
void check_tokenizer_folder(const std::filesystem::path& folder);

/// Words that are added to a vocabulary, and their numbers.
using AddedTokens = std::map<std::string, int64_t>;
/// Of a tokenizer folder. Throws bad_file where two of its files differ; unsupported for a word
/// without a number, or with conditions.
AddedTokens added_tokens(const std::filesystem::path& folder);
/// A model's metadata keep them, so that a plan has them too. Throws bad_file.
void keep_added_tokens(Metadata& metadata, const AddedTokens& tokens);
AddedTokens added_tokens(const Metadata& metadata, const std::string& file);

/// Where a model's metadata keep that token, once it is known.
inline constexpr std::string_view padding_key = "tokenizer/padding";

/// What such a folder says that short texts are filled up with: "!" or the end mark; nothing where
/// it does not say. As transformers reads it: special_tokens_map.json outranks
/// tokenizer_config.json unless the latter lists the tokens.
std::optional<std::string> padding_token(const std::filesystem::path& folder);

}  // namespace drypoint
