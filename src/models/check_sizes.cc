#include "models/check_sizes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "checkpoint/configurations.h"

namespace drypoint {
namespace {

using nlohmann::json;

json block_types(const UnetConfig& config, const char* with, const char* without) {
  json types = json::array();
  for (const UnetConfig::Level& level : config.levels)
    types.push_back(level.depth ? with : without);
  return types;
}

// One number where all levels with attention have as many, as configurations have it.
json depths(const UnetConfig& config) {
  json each = json::array();
  bool alike = true;
  for (const UnetConfig::Level& level : config.levels) {
    alike = alike && (level.depth == 0 || level.depth == config.middle.depth);
    each.push_back(level.depth);
  }
  return alike ? json(config.middle.depth) : each;
}

json trunk_sizes(const UnetConfig& config) {
  json channels = json::array();
  for (const UnetConfig::Level& level : config.levels) channels.push_back(level.channels);
  return {{"in_channels", config.in_channels},
          {"block_out_channels", channels},
          {"layers_per_block", config.res_blocks},
          {"cross_attention_dim", config.context_width},
          {"transformer_layers_per_block", depths(config)},
          {"time_embedding_dim", config.time_width},
          {"use_linear_projection", config.linear_projections},
          {"down_block_types", block_types(config, "CrossAttnDownBlock2D", "DownBlock2D")}};
}

}  // namespace

void check_sizes(const Metadata& metadata, const UnetConfig& config, const std::string& file) {
  json expected = trunk_sizes(config);
  expected["out_channels"] = config.out_channels;
  expected["time_cond_proj_dim"] = config.guidance_width;
  json up = block_types(config, "CrossAttnUpBlock2D", "UpBlock2D");
  std::reverse(up.begin(), up.end());
  expected["up_block_types"] = std::move(up);
  expect_sizes(metadata, unet_config, expected, file);
}

void check_sizes(const Metadata& metadata, const ControlnetConfig& config,
                 const std::string& file) {
  json expected = trunk_sizes(config.trunk);
  expected["conditioning_channels"] = config.hint_channels.front();
  // Between the first convolution and the last are pairs, of which the first keeps the channels.
  json& features = expected["conditioning_embedding_out_channels"] = json::array();
  for (size_t i = 1; i + 1 < config.hint_channels.size(); i += 2)
    features.push_back(config.hint_channels[i]);
  expect_sizes(metadata, control_config, expected, file);
}

void check_sizes(const Metadata& metadata, const ControlConfig& config, const std::string& file) {
  if (const auto* net = std::get_if<ControlnetConfig>(&config)) check_sizes(metadata, *net, file);
}

void check_sizes(const Metadata& metadata, const VaeConfig& config, const std::string& file) {
  expect_sizes(
      metadata, vae_config,
      {{"in_channels", config.image_channels},
       {"out_channels", config.image_channels},
       {"latent_channels", config.latent_channels},
       {"block_out_channels", config.channels},
       {"layers_per_block", config.res_blocks},
       {"down_block_types", std::vector<std::string>(config.channels.size(), "DownEncoderBlock2D")},
       {"up_block_types", std::vector<std::string>(config.channels.size(), "UpDecoderBlock2D")}},
      file);
}

void check_sizes(const Metadata& metadata, const ClipConfig& config, const std::string& file) {
  expect_sizes(metadata, text_config,
               {{"vocab_size", config.vocabulary},
                {"hidden_size", config.width},
                {"intermediate_size", config.mlp_width},
                {"max_position_embeddings", config.positions},
                {"num_hidden_layers", config.layers}},
               file);
}

}  // namespace drypoint
