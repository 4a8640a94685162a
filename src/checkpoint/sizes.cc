#include "checkpoint/sizes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

// Looks at one part's tensors by their names without the part's prefix.
class Reader {
 public:
  Reader(const NamedTensors& tensors, Part part) : tensors_(tensors), prefix_(prefix_of(part)) {}

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

  // How many of prefix0, prefix1, ... exist.
  int64_t count(const std::string& prefix, const std::string& suffix) const {
    int64_t n = 0;
    while (has(fmt::format("{}{}{}", prefix, n, suffix))) ++n;
    return n;
  }

  // A positive whole number in one of the JSON configurations, under the first key that has one.
  int64_t configured(std::initializer_list<const char*> keys, const char* folder,
                     int64_t otherwise) const {
    const auto found = tensors_.metadata.find(std::string(folder) + "/config.json");
    if (found == tensors_.metadata.end()) return otherwise;
    const auto config = parse_json(found->second);
    for (const char* key : keys)
      if (config.is_object() && config.contains(key) && config[key].is_number_unsigned() &&
          config[key].get<uint64_t>() >= 1 && config[key].get<uint64_t>() <= 4096)
        return config[key].get<int64_t>();
    return otherwise;
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
           printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
    return number;
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

UnetSizes read_trunk(const Reader& reader, const char* folder) {
  UnetSizes sizes;
  const Shape& first = reader.shape("input_blocks.0.0.weight", 4);
  sizes.model_channels = first[0];
  sizes.in_channels = first[1];
  sizes.time_width = reader.shape("time_embed.0.weight", 2)[0];
  // As diffusers reads its own configuration: `attention_head_dim` is the number of heads.
  sizes.heads = reader.configured({"num_attention_heads", "attention_head_dim"}, folder, 8);
  sizes.groups = reader.configured({"norm_num_groups"}, folder, 32);

  // A level ends with a downsampling, the last one with the way down.
  int64_t blocks = 0;
  for (int index = 1;; ++index) {
    const std::string block = fmt::format("input_blocks.{}.", index);
    if (reader.has(block + "0.op.weight")) {
      blocks = 0;
      continue;
    }
    if (!reader.has(block + "0.out_layers.3.weight")) break;
    const bool attention = reader.has_prefix(block + "1.");
    if (blocks++ == 0) {
      sizes.channels.push_back(reader.shape(block + "0.out_layers.3.weight", 4)[0]);
      sizes.attention.push_back(attention);
    }
    sizes.res_blocks = std::max(sizes.res_blocks, blocks);
  }
  if (sizes.channels.empty()) reader.shape("input_blocks.1.0.out_layers.3.weight", 4);  // throws

  const std::string middle = "middle_block.1.transformer_blocks.";
  sizes.transformer_depth = reader.count(middle, ".attn2.to_k.weight");
  sizes.context_width = reader.shape(middle + "0.attn2.to_k.weight", 2)[1];
  reader.check_divides("groups", sizes.groups, sizes.model_channels);
  for (size_t level = 0; level < sizes.levels(); ++level) {
    reader.check_divides("groups", sizes.groups, sizes.channels[level]);
    if (sizes.attention[level]) reader.check_divides("heads", sizes.heads, sizes.channels[level]);
  }
  reader.check_divides("heads", sizes.heads, sizes.channels.back());
  return sizes;
}

}  // namespace

ClipSizes read_clip_sizes(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::text);
  ClipSizes sizes;
  const Shape& embedding = reader.shape("text_model.embeddings.token_embedding.weight", 2);
  sizes.vocabulary = embedding[0];
  sizes.width = embedding[1];
  sizes.positions = reader.shape("text_model.embeddings.position_embedding.weight", 2)[0];
  const std::string layers = "text_model.encoder.layers.";
  sizes.mlp_width = reader.shape(layers + "0.mlp.fc1.weight", 2)[0];
  sizes.layers = reader.count(layers, ".mlp.fc1.weight");
  sizes.heads = reader.configured({"num_attention_heads"}, "text_encoder",
                                  std::max<int64_t>(sizes.width / 64, 1));
  reader.check_divides("heads", sizes.heads, sizes.width);
  return sizes;
}

UnetSizes read_unet_sizes(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::unet);
  UnetSizes sizes = read_trunk(reader, "unet");
  sizes.out_channels = reader.shape("out.2.weight", 4)[0];
  return sizes;
}

ControlnetSizes read_controlnet_sizes(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::control);
  ControlnetSizes sizes;
  sizes.trunk = read_trunk(reader, "controlnet");
  sizes.hint_channels = {reader.shape("input_hint_block.0.weight", 4)[1]};
  for (int i = 0; reader.has(fmt::format("input_hint_block.{}.weight", 2 * i)); ++i)
    sizes.hint_channels.push_back(
        reader.shape(fmt::format("input_hint_block.{}.weight", 2 * i), 4)[0]);
  if (sizes.hint_channels.back() != sizes.trunk.model_channels)
    fail(ErrorKind::bad_file, "control_model: the hint ends with {} channels, expected {}",
         sizes.hint_channels.back(), sizes.trunk.model_channels);
  return sizes;
}

VaeSizes read_vae_sizes(const NamedTensors& tensors) {
  const Reader reader(tensors, Part::vae);
  VaeSizes sizes;
  const Shape& first = reader.shape("encoder.conv_in.weight", 4);
  sizes.base_channels = first[0];
  sizes.picture_channels = first[1];
  sizes.moments = reader.shape("encoder.conv_out.weight", 4)[0];
  sizes.latent_channels = reader.shape("decoder.conv_in.weight", 4)[1];
  const int64_t levels = reader.count("encoder.down.", ".block.0.conv1.weight");
  for (int64_t level = 0; level < std::max<int64_t>(levels, 1); ++level)
    sizes.channels.push_back(
        reader.shape(fmt::format("encoder.down.{}.block.0.conv1.weight", level), 4)[0]);
  sizes.res_blocks = reader.count("encoder.down.0.block.", ".conv1.weight");
  sizes.groups = reader.configured({"norm_num_groups"}, "vae", 32);
  sizes.scaling_factor = reader.scaling_factor(sizes.scaling_factor);
  reader.check_divides("groups", sizes.groups, sizes.base_channels);
  for (const int64_t width : sizes.channels) reader.check_divides("groups", sizes.groups, width);
  if (sizes.moments != 2 * sizes.latent_channels)
    fail(ErrorKind::bad_file, "first_stage_model: {} moments for {} latent channels, expected {}",
         sizes.moments, sizes.latent_channels, 2 * sizes.latent_channels);
  return sizes;
}

std::vector<std::string> problems(const NamedTensors& tensors,
                                  const std::vector<TensorSpec>& needed) {
  std::vector<std::string> found;
  for (const auto& [name, shape] : needed) {
    const Tensor* tensor = tensors.find(name);
    const auto unusable = tensors.unusable.find(name);
    if (!tensor && unusable != tensors.unusable.end())
      found.push_back(fmt::format("tensor {}: found {}, expected a tensor {}", name,
                                  unusable->second, to_string(shape)));
    else if (!tensor)
      found.push_back(fmt::format("tensor {}: missing", name));
    else if (tensor->shape() != shape || !is_float(tensor->dtype()))
      found.push_back(fmt::format("tensor {}: found {}, expected floating-point {}", name,
                                  to_string(tensor->type()), to_string(shape)));
  }
  return found;
}

void check_complete(const NamedTensors& tensors, const std::vector<TensorSpec>& needed,
                    const std::string& file) {
  const auto found = problems(tensors, needed);
  if (found.empty()) return;
  if (found.size() == 1) fail(ErrorKind::bad_file, "{}: {}", file, found[0]);
  fail(ErrorKind::bad_file, "{}: {} (and {} more tensors are missing or misshapen)", file, found[0],
       found.size() - 1);
}

}  // namespace drypoint
