// Every tensor of each model, by canonical name and shape.
#include <fmt/format.h>

#include "checkpoint/sizes.h"

namespace drypoint {
namespace {

// Collects tensors under a prefix.
class List {
 public:
  explicit List(Part part) : part_(prefix_of(part)) {}

  void tensor(const std::string& name, Shape shape) {
    specs_.push_back({part_ + name, std::move(shape)});
  }
  void norm(const std::string& name, int64_t width) {
    tensor(name + ".weight", {width});
    tensor(name + ".bias", {width});
  }
  void linear(const std::string& name, int64_t in, int64_t out, bool bias = true) {
    tensor(name + ".weight", {out, in});
    if (bias) tensor(name + ".bias", {out});
  }
  void convolution(const std::string& name, int64_t in, int64_t out, int64_t kernel) {
    tensor(name + ".weight", {out, in, kernel, kernel});
    tensor(name + ".bias", {out});
  }
  std::vector<TensorSpec> take() { return std::move(specs_); }

 private:
  std::string part_;
  std::vector<TensorSpec> specs_;
};

void unet_resnet(List& list, const std::string& name, int64_t in, int64_t out, int64_t time) {
  list.norm(name + ".in_layers.0", in);
  list.convolution(name + ".in_layers.2", in, out, 3);
  list.linear(name + ".emb_layers.1", time, out);
  list.norm(name + ".out_layers.0", out);
  list.convolution(name + ".out_layers.3", out, out, 3);
  if (in != out) list.convolution(name + ".skip_connection", in, out, 1);
}

void attention(List& list, const std::string& name, int64_t width, int64_t context) {
  list.linear(name + ".to_q", width, width, false);
  list.linear(name + ".to_k", context, width, false);
  list.linear(name + ".to_v", context, width, false);
  list.linear(name + ".to_out.0", width, width);
}

void transformer(List& list, const std::string& name, int64_t width, const UnetSizes& sizes) {
  list.norm(name + ".norm", width);
  list.convolution(name + ".proj_in", width, width, 1);
  for (int64_t i = 0; i < sizes.transformer_depth; ++i) {
    const std::string block = fmt::format("{}.transformer_blocks.{}", name, i);
    list.norm(block + ".norm1", width);
    attention(list, block + ".attn1", width, width);
    list.norm(block + ".norm2", width);
    attention(list, block + ".attn2", width, sizes.context_width);
    list.norm(block + ".norm3", width);
    list.linear(block + ".ff.net.0.proj", width, 8 * width);  // value and gate, 4 times each
    list.linear(block + ".ff.net.2", 4 * width, width);
  }
  list.convolution(name + ".proj_out", width, width, 1);
}

// The way down and the middle. Returns the channels of every skip connection.
std::vector<int64_t> down_and_middle(List& list, const UnetSizes& sizes) {
  list.linear("time_embed.0", sizes.model_channels, sizes.time_width);
  list.linear("time_embed.2", sizes.time_width, sizes.time_width);
  list.convolution("input_blocks.0.0", sizes.in_channels, sizes.model_channels, 3);
  std::vector<int64_t> skips = {sizes.model_channels};
  int64_t width = sizes.model_channels;
  const auto next = [&] { return fmt::format("input_blocks.{}", skips.size()); };
  for (size_t level = 0; level < sizes.levels(); ++level) {
    for (int64_t i = 0; i < sizes.res_blocks; ++i) {
      unet_resnet(list, next() + ".0", width, sizes.channels[level], sizes.time_width);
      width = sizes.channels[level];
      if (sizes.attention[level]) transformer(list, next() + ".1", width, sizes);
      skips.push_back(width);
    }
    if (level + 1 < sizes.levels()) {
      list.convolution(next() + ".0.op", width, width, 3);
      skips.push_back(width);
    }
  }
  unet_resnet(list, "middle_block.0", width, width, sizes.time_width);
  transformer(list, "middle_block.1", width, sizes);
  unet_resnet(list, "middle_block.2", width, width, sizes.time_width);
  return skips;
}

void vae_resnet(List& list, const std::string& name, int64_t in, int64_t out) {
  list.norm(name + ".norm1", in);
  list.convolution(name + ".conv1", in, out, 3);
  list.norm(name + ".norm2", out);
  list.convolution(name + ".conv2", out, out, 3);
  if (in != out) list.convolution(name + ".nin_shortcut", in, out, 1);
}

void vae_middle(List& list, const std::string& side, int64_t width) {
  vae_resnet(list, side + ".mid.block_1", width, width);
  list.norm(side + ".mid.attn_1.norm", width);
  for (const char* product : {"q", "k", "v", "proj_out"})
    list.convolution(fmt::format("{}.mid.attn_1.{}", side, product), width, width, 1);
  vae_resnet(list, side + ".mid.block_2", width, width);
}

}  // namespace

std::vector<TensorSpec> tensors_of(const ClipSizes& sizes) {
  List list(Part::text);
  list.tensor("text_model.embeddings.token_embedding.weight", {sizes.vocabulary, sizes.width});
  list.tensor("text_model.embeddings.position_embedding.weight", {sizes.positions, sizes.width});
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string layer = fmt::format("text_model.encoder.layers.{}", i);
    list.norm(layer + ".layer_norm1", sizes.width);
    for (const char* product : {"q_proj", "k_proj", "v_proj", "out_proj"})
      list.linear(fmt::format("{}.self_attn.{}", layer, product), sizes.width, sizes.width);
    list.norm(layer + ".layer_norm2", sizes.width);
    list.linear(layer + ".mlp.fc1", sizes.width, sizes.mlp_width);
    list.linear(layer + ".mlp.fc2", sizes.mlp_width, sizes.width);
  }
  list.norm("text_model.final_layer_norm", sizes.width);
  return list.take();
}

std::vector<TensorSpec> tensors_of(const UnetSizes& sizes) {
  List list(Part::unet);
  std::vector<int64_t> skips = down_and_middle(list, sizes);
  int64_t width = sizes.channels.back();
  int64_t index = 0;
  for (size_t level = sizes.levels(); level-- > 0;) {
    for (int64_t i = 0; i <= sizes.res_blocks; ++i) {
      const std::string block = fmt::format("output_blocks.{}", index++);
      unet_resnet(list, block + ".0", width + skips.back(), sizes.channels[level],
                  sizes.time_width);
      skips.pop_back();
      width = sizes.channels[level];
      if (sizes.attention[level]) transformer(list, block + ".1", width, sizes);
      if (level > 0 && i == sizes.res_blocks)
        list.convolution(fmt::format("{}.{}.conv", block, sizes.attention[level] ? 2 : 1), width,
                         width, 3);
    }
  }
  list.norm("out.0", width);
  list.convolution("out.2", width, sizes.out_channels, 3);
  return list.take();
}

std::vector<TensorSpec> tensors_of(const ControlnetSizes& sizes) {
  List list(Part::control);
  for (size_t i = 0; i + 1 < sizes.hint_channels.size(); ++i)
    list.convolution(fmt::format("input_hint_block.{}", 2 * i), sizes.hint_channels[i],
                     sizes.hint_channels[i + 1], 3);
  const std::vector<int64_t> skips = down_and_middle(list, sizes.trunk);
  for (size_t i = 0; i < skips.size(); ++i)
    list.convolution(fmt::format("zero_convs.{}.0", i), skips[i], skips[i], 1);
  list.convolution("middle_block_out.0", sizes.trunk.channels.back(), sizes.trunk.channels.back(),
                   1);
  return list.take();
}

std::vector<TensorSpec> tensors_of(const VaeSizes& sizes) {
  List list(Part::vae);
  const size_t levels = sizes.channels.size();
  int64_t width = sizes.base_channels;
  list.convolution("encoder.conv_in", sizes.picture_channels, width, 3);
  for (size_t level = 0; level < levels; ++level) {
    const std::string down = fmt::format("encoder.down.{}", level);
    for (int64_t i = 0; i < sizes.res_blocks; ++i, width = sizes.channels[level])
      vae_resnet(list, fmt::format("{}.block.{}", down, i), width, sizes.channels[level]);
    if (level + 1 < levels) list.convolution(down + ".downsample.conv", width, width, 3);
  }
  vae_middle(list, "encoder", width);
  list.norm("encoder.norm_out", width);
  list.convolution("encoder.conv_out", width, sizes.moments, 3);
  list.convolution("quant_conv", sizes.moments, sizes.moments, 1);

  list.convolution("post_quant_conv", sizes.latent_channels, sizes.latent_channels, 1);
  list.convolution("decoder.conv_in", sizes.latent_channels, width, 3);
  vae_middle(list, "decoder", width);
  for (size_t level = levels; level-- > 0;) {
    const std::string up = fmt::format("decoder.up.{}", level);
    for (int64_t i = 0; i <= sizes.res_blocks; ++i, width = sizes.channels[level])
      vae_resnet(list, fmt::format("{}.block.{}", up, i), width, sizes.channels[level]);
    if (level > 0) list.convolution(up + ".upsample.conv", width, width, 3);
  }
  list.norm("decoder.norm_out", width);
  list.convolution("decoder.conv_out", width, sizes.picture_channels, 3);
  return list.take();
}

}  // namespace drypoint
