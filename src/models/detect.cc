#include "models/detect.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/configurations.h"
#include "checkpoint/parts.h"
#include "checkpoint/prediction.h"
#include "models/complete.h"

namespace drypoint {
namespace {

std::string text_of(const nlohmann::json& value) {
  return printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// Looks at one part's tensors by their names without the part's prefix.
class Reader {
 public:
  Reader(const NamedTensors& tensors, Part part) : Reader(tensors, std::string(prefix_of(part))) {}
  Reader(const NamedTensors& tensors, std::string prefix)
      : tensors_(tensors), prefix_(std::move(prefix)) {}

  bool has(const std::string& name) const { return tensors_.has(prefix_ + name); }
  bool has_prefix(const std::string& name) const { return tensors_.has_prefix(prefix_ + name); }

  // The shape, of `rank` dimensions, each of which is between 1 and a million: products of three
  // of them cannot overflow.
  const Shape& shape(const std::string& name, size_t rank) const {
    const Tensor& tensor = tensors_.at(prefix_ + name);
    bool good = tensor.shape().size() == rank;
    for (const int64_t size : tensor.shape()) good &= size >= 1 && size <= 1'000'000;
    if (!good)
      fail(ErrorKind::bad_file, "tensor {}{}: found {}, expected {} dimensions that are not empty",
           prefix_, name, to_string(tensor.type()), rank);
    return tensor.shape();
  }

  // 0 where there is no such tensor.
  size_t rank(const std::string& name) const {
    const Tensor* tensor = tensors_.find(prefix_ + name);
    return tensor ? tensor->shape().size() : 0;
  }

  // How many of prefix0, prefix1, ... exist.
  int64_t count(const std::string& prefix, const std::string& suffix) const {
    int64_t n = 0;
    while (has(fmt::format("{}{}{}", prefix, n, suffix))) ++n;
    return n;
  }

  // Positive whole numbers in one of the JSON configurations, under the first key that is set: one
  // for each of so many levels, or one for all.
  std::vector<int64_t> configured_levels(std::initializer_list<const char*> keys,
                                         const std::string& folder,
                                         const std::vector<int64_t>& defaults) const {
    const std::string file = folder + "/config.json";
    const auto found = tensors_.metadata.find(file);
    if (found == tensors_.metadata.end()) return defaults;
    const auto config = parse_json(found->second);
    for (const char* key : keys) {
      if (!config.is_object() || !config.contains(key)) continue;
      const nlohmann::json& value = config[key];
      if (value.is_null() && key != *std::prev(keys.end())) continue;
      const auto number = [&](const nlohmann::json& one) {
        if (!one.is_number_unsigned() || one.get<uint64_t>() < 1 || one.get<uint64_t>() > 4096)
          fail(ErrorKind::bad_file, "{}: {}: {}, expected a whole number from 1 to 4096", file, key,
               text_of(value));
        return one.get<int64_t>();
      };
      if (!value.is_array()) return std::vector<int64_t>(defaults.size(), number(value));
      if (value.size() != defaults.size())
        fail(ErrorKind::bad_file, "{}: {}: {}, expected one number or {}", file, key,
             text_of(value), defaults.size());
      std::vector<int64_t> numbers;
      for (const auto& one : value) numbers.push_back(number(one));
      return numbers;
    }
    return defaults;
  }
  int64_t configured(std::initializer_list<const char*> keys, const std::string& folder,
                     int64_t otherwise) const {
    return configured_levels(keys, folder, {otherwise})[0];
  }

  // The VAE's scaling factor; null is what diffusers writes for a value that is not set.
  double scaling_factor(double otherwise) const {
    const auto found = tensors_.metadata.find("vae/config.json");
    if (found == tensors_.metadata.end()) return otherwise;
    const auto config = parse_json(found->second);
    if (!config.is_object() || !config.contains("scaling_factor")) return otherwise;
    const auto& value = config["scaling_factor"];
    if (value.is_null()) return otherwise;
    const double number = value.is_number() ? value.get<double>() : 0;
    if (!(number >= 1e-6 && number <= 1e6))
      fail(ErrorKind::bad_file, "vae/config.json: scaling_factor: {}, expected a positive number",
           text_of(value));
    return number;
  }

  // The text encoder's; transformers' default is OpenAI's, and so is ours below OpenCLIP's widths.
  ActivationKind activation(int64_t width) const {
    const auto found = tensors_.metadata.find(text_config);
    if (found == tensors_.metadata.end())
      return width >= 1024 ? ActivationKind::gelu : ActivationKind::quick_gelu;
    const auto config = parse_json(found->second);
    const nlohmann::json usual = "quick_gelu";
    const auto said = config.is_object() ? config.value("hidden_act", usual) : usual;
    for (const ActivationKind kind : {ActivationKind::quick_gelu, ActivationKind::gelu})
      if (said == std::string(name(kind))) return kind;
    fail(ErrorKind::unsupported, "{}: hidden_act: {}, expected \"quick_gelu\" or \"gelu\"",
         text_config, text_of(said));
  }

  // Lists of tensors are made from these numbers, so they must not be made up by a few names: each
  // block has tensors of its own.
  void check_blocks(int64_t levels, int64_t res_blocks, int64_t depth) const {
    uint64_t held = 0;
    for (auto it = tensors_.tensors.lower_bound(prefix_);
         it != tensors_.tensors.end() && it->first.starts_with(prefix_); ++it)
      ++held;
    const auto blocks = static_cast<uint64_t>(levels * (2 * res_blocks + 1));
    if (blocks * static_cast<uint64_t>(1 + depth) > held)
      fail(
          ErrorKind::bad_file,
          "{}: its names tell of {} levels with {} residual blocks and {} transformer blocks each, "
          "more than its {} tensors can be",
          prefix_.substr(0, prefix_.size() - 1), levels, res_blocks, depth, held);
  }

  // Norms and attention split channels evenly.
  void check_divides(std::string_view what, int64_t parts, int64_t width) const {
    if (width % parts != 0)
      fail(ErrorKind::bad_file, "{}: {} channels cannot be split into {} {}",
           prefix_.substr(0, prefix_.size() - 1), width, parts, what);
  }

 private:
  const NamedTensors& tensors_;
  std::string prefix_;
};

UnetConfig detect_trunk(const Reader& reader, const std::string& folder) {
  UnetConfig config;
  const Shape& first = reader.shape("input_blocks.0.0.weight", 4);
  config.model_channels = first[0];
  config.in_channels = first[1];
  config.time_width = reader.shape("time_embed.0.weight", 2)[0];
  config.groups = reader.configured({"norm_num_groups"}, folder, 32);
  const auto depth = [&](const std::string& transformer) {
    return reader.count(transformer + ".transformer_blocks.", ".attn2.to_k.weight");
  };

  // A level ends with a downsampling, the last one with the way down.
  int64_t blocks = 0;
  for (int index = 1;; ++index) {
    const std::string block = fmt::format("input_blocks.{}.", index);
    if (reader.has(block + "0.op.weight")) {
      blocks = 0;
      continue;
    }
    if (!reader.has(block + "0.out_layers.3.weight")) break;
    if (blocks++ == 0)
      config.levels.push_back(
          {reader.shape(block + "0.out_layers.3.weight", 4)[0], depth(block + "1"), 0});
    config.res_blocks = std::max(config.res_blocks, blocks);
  }
  if (config.levels.empty()) reader.shape("input_blocks.1.0.out_layers.3.weight", 4);  // throws

  const auto count = static_cast<int64_t>(config.levels.size());
  config.middle = {config.levels.back().channels, depth("middle_block.1"), 0};
  config.linear_projections = reader.rank("middle_block.1.proj_in.weight") == 2;
  config.context_width =
      reader.shape("middle_block.1.transformer_blocks.0.attn2.to_k.weight", 2)[1];
  int64_t deepest = config.middle.depth;
  for (const UnetConfig::Level& level : config.levels) deepest = std::max(deepest, level.depth);
  reader.check_blocks(count, config.res_blocks, deepest);
  // As diffusers reads its own configuration: `attention_head_dim` is the number of heads.
  std::vector<int64_t> heads(config.levels.size(), 8);
  if (config.linear_projections)
    for (size_t i = 0; i < heads.size(); ++i)
      heads[i] = std::max<int64_t>(config.levels[i].channels / 64, 1);
  heads = reader.configured_levels({"num_attention_heads", "attention_head_dim"}, folder, heads);
  for (size_t i = 0; i < heads.size(); ++i) config.levels[i].heads = heads[i];
  config.middle.heads = heads.back();
  reader.check_divides("groups", config.groups, config.model_channels);
  for (const UnetConfig::Level& level : config.levels) {
    reader.check_divides("groups", config.groups, level.channels);
    if (level.depth > 0) reader.check_divides("heads", level.heads, level.channels);
  }
  reader.check_divides("heads", config.middle.heads, config.middle.channels);
  return config;
}

}  // namespace

ClipConfig detect_clip(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::text);
  ClipConfig config;
  const Shape& embedding = reader.shape("text_model.embeddings.token_embedding.weight", 2);
  config.vocabulary = embedding[0];
  config.width = embedding[1];
  config.positions = reader.shape("text_model.embeddings.position_embedding.weight", 2)[0];
  const std::string layers = "text_model.encoder.layers.";
  config.mlp_width = reader.shape(layers + "0.mlp.fc1.weight", 2)[0];
  config.layers = reader.count(layers, ".mlp.fc1.weight");
  // A configuration may leave out the last layers.
  config.layers = std::min(config.layers,
                           reader.configured({"num_hidden_layers"}, "text_encoder", config.layers));
  config.heads = reader.configured({"num_attention_heads"}, "text_encoder",
                                   std::max<int64_t>(config.width / 64, 1));
  reader.check_divides("heads", config.heads, config.width);
  config.activation = reader.activation(config.width);
  return config;
}

UnetConfig detect_unet(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::unet);
  UnetConfig config = detect_trunk(reader, "unet");
  config.out_channels = reader.shape("out.2.weight", 4)[0];
  if (const char* name = "time_embed.cond_proj.weight"; reader.has(name))
    config.guidance_width = reader.shape(name, 2)[1];
  return config;
}

namespace {

ControlnetConfig detect_controlnet_number(const NamedTensors& tensors, size_t number) {
  const Reader reader(tensors, control_prefix(number));
  ControlnetConfig config;
  config.trunk = detect_trunk(reader, control_folder(number));
  config.trunk.out_channels = 0;
  config.hint_channels = {reader.shape("input_hint_block.0.weight", 4)[1]};
  for (int i = 0; reader.has(fmt::format("input_hint_block.{}.weight", 2 * i)); ++i)
    config.hint_channels.push_back(
        reader.shape(fmt::format("input_hint_block.{}.weight", 2 * i), 4)[0]);
  if (config.hint_channels.back() != config.trunk.model_channels)
    fail(ErrorKind::bad_file, "{}: the hint ends with {} channels, expected {}",
         control_module(number), config.hint_channels.back(), config.trunk.model_channels);
  config.pooled = tensors.metadata.contains(pooled_key(number));
  return config;
}

T2iAdapterConfig detect_adapter_number(const NamedTensors& tensors, size_t number) {
  const Reader reader(tensors, control_prefix(number));
  T2iAdapterConfig config;
  config.light = !reader.has("conv_in.weight");
  int64_t shuffled = 0;  // channels
  if (config.light) {
    shuffled = reader.shape("body.0.in_conv.weight", 4)[1];
    const int64_t levels = reader.count("body.", ".out_conv.weight");
    for (int64_t level = 0; level < levels; ++level)
      config.channels.push_back(reader.shape(fmt::format("body.{}.out_conv.weight", level), 4)[0]);
    config.res_blocks = reader.count("body.0.body.", ".block1.weight");
  } else {
    constexpr int64_t levels = 4;
    shuffled = reader.shape("conv_in.weight", 4)[1];
    const int64_t blocks = reader.count("body.", ".block1.weight");
    config.res_blocks = blocks / levels;
    for (int64_t i = 0; i < blocks; i += std::max<int64_t>(config.res_blocks, 1))
      config.channels.push_back(reader.shape(fmt::format("body.{}.block1.weight", i), 4)[0]);
  }
  config.hint_channels = shuffled / 64;
  if (config.res_blocks == 0 || config.channels.empty() || config.channels.size() > 8 ||
      shuffled % 64 != 0 || (config.hint_channels != 1 && config.hint_channels != 3))
    fail(ErrorKind::unsupported,
         "{}: is a T2I-Adapter of {} levels with {} blocks each for a hint of {}/64 channels, "
         "expected one for Stable Diffusion 1.5: 4 levels, 64 or 192 such channels",
         control_module(number), config.channels.size(), config.res_blocks, shuffled);
  return config;
}

}  // namespace

ControlConfig detect_control_number(const NamedTensors& tensors, size_t number) {
  if (tensors.has_prefix(control_prefix(number) + "body."))
    return detect_adapter_number(tensors, number);
  return detect_controlnet_number(tensors, number);
}

ControlConfig detect_control(const NamedTensors& tensors) {
  return detect_control_number(tensors, 0);
}

ControlnetConfig detect_controlnet(const NamedTensors& tensors) {
  return detect_controlnet_number(tensors, 0);
}

namespace {

VaeConfig detect_taesd(const Reader& reader) {
  VaeConfig config;
  const Shape& first = reader.shape("decoder.1.weight", 4);
  config.is_tiny = true;
  config.base_channels = first[0];
  config.latent_channels = first[1];
  config.channels = Shape(4, config.base_channels);
  config.res_blocks = 3;
  config.scaling_factor = 1;  // it was trained on latents as the UNet has them
  config.has_encoder = reader.has_prefix("encoder.");
  return config;
}

}  // namespace

VaeConfig detect_vae(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::vae);
  if (reader.has("decoder.3.conv.0.weight")) return detect_taesd(reader);
  VaeConfig config;
  config.has_encoder = reader.has_prefix("encoder.");
  config.latent_channels = reader.shape("decoder.conv_in.weight", 4)[1];
  const std::string side = config.has_encoder ? "encoder.down." : "decoder.up.";
  const int64_t levels = reader.count(side, ".block.0.conv1.weight");
  for (int64_t level = 0; level < std::max<int64_t>(levels, 1); ++level)
    config.channels.push_back(
        reader.shape(fmt::format("{}{}.block.0.conv1.weight", side, level), 4)[0]);
  config.res_blocks = reader.count(side + "0.block.", ".conv1.weight");
  int64_t moments = 2 * config.latent_channels;
  if (config.has_encoder) {
    const Shape& first = reader.shape("encoder.conv_in.weight", 4);
    config.base_channels = first[0];
    config.image_channels = first[1];
    moments = reader.shape("encoder.conv_out.weight", 4)[0];
  } else {
    config.res_blocks -= 1;
    config.base_channels = config.channels[0];
    config.image_channels = reader.shape("decoder.conv_out.weight", 4)[0];
  }
  if (config.res_blocks < 1) reader.shape(side + "0.block.1.conv1.weight", 4);  // throws
  reader.check_blocks(static_cast<int64_t>(config.channels.size()), config.res_blocks, 0);
  config.groups = reader.configured({"norm_num_groups"}, "vae", 32);
  config.scaling_factor = reader.scaling_factor(config.scaling_factor);
  reader.check_divides("groups", config.groups, config.base_channels);
  for (const int64_t width : config.channels) reader.check_divides("groups", config.groups, width);
  if (moments != 2 * config.latent_channels)
    fail(ErrorKind::bad_file, "first_stage_model: {} moments for {} latent channels, expected {}",
         moments, config.latent_channels, 2 * config.latent_channels);
  return config;
}

Prediction guessed_prediction(const NamedTensors& tensors, const UnetConfig& unet) {
  constexpr double least_deviation = 0.09;
  if (!unet.linear_projections || unet.in_channels != unet.out_channels) return Prediction::epsilon;
  const auto last = static_cast<int64_t>(unet.levels.size()) * (unet.res_blocks + 1) - 1;
  const Tensor* bias = tensors.find(fmt::format(
      "{}output_blocks.{}.1.transformer_blocks.0.norm1.bias", prefix_of(Part::unet), last));
  // A plan's tensors have no bytes; it says what it predicts.
  if (!bias || !bias->defined() || !can_be_weight(bias->dtype())) return Prediction::epsilon;
  const Tensor f32 = bias->to_f32();
  double sum = 0, squares = 0;
  for (const float value : f32.floats()) sum += value, squares += double{value} * value;
  const double mean = sum / static_cast<double>(f32.floats().size());
  const double variance = squares / static_cast<double>(f32.floats().size()) - mean * mean;
  return variance > least_deviation * least_deviation ? Prediction::v : Prediction::epsilon;
}

ModelConfig detect(const NamedTensors& tensors) {
  ModelConfig config{
      .unet = detect_unet(tensors), .vae = detect_vae(tensors), .text = detect_clip(tensors)};
  const SaidPrediction said = said_prediction(tensors, "model");
  config.prediction = said.prediction;
  config.zero_terminal_snr = said.zero_terminal_snr;
  for (size_t number = 0; tensors.has_prefix(control_prefix(number)); ++number) {
    auto* net = std::get_if<ControlnetConfig>(
        &config.controls.emplace_back(detect_control_number(tensors, number)));
    if (!net || tensors.metadata.contains(control_folder(number) + "/config.json")) continue;
    UnetConfig& trunk = net->trunk;
    // What no shape shows is as in the base model that it steers.
    trunk.groups = config.unet.groups;
    trunk.middle.heads = config.unet.middle.heads;
    for (size_t i = 0; i < std::min(trunk.levels.size(), config.unet.levels.size()); ++i)
      trunk.levels[i].heads = config.unet.levels[i].heads;
  }
  return config;
}

}  // namespace drypoint
