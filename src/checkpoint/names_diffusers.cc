#include "checkpoint/names_diffusers.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace drypoint {
namespace {

struct Renaming {
  std::string_view from, to;
};

// Inside a residual block of the UNet and the ControlNet.
constexpr Renaming unet_resnet[] = {
    {"norm1.", "in_layers.0."},          {"conv1.", "in_layers.2."},
    {"time_emb_proj.", "emb_layers.1."}, {"norm2.", "out_layers.0."},
    {"conv2.", "out_layers.3."},         {"conv_shortcut.", "skip_connection."}};

// Outside the blocks of the UNet and the ControlNet.
constexpr Renaming unet_ends[] = {{"conv_in.", "input_blocks.0.0."},
                                  {"time_embedding.cond_proj.", "time_embed.cond_proj."},
                                  {"time_embedding.linear_1.", "time_embed.0."},
                                  {"time_embedding.linear_2.", "time_embed.2."},
                                  {"conv_norm_out.", "out.0."},
                                  {"conv_out.", "out.2."},
                                  {"controlnet_mid_block.", "middle_block_out.0."},
                                  {"controlnet_cond_embedding.conv_in.", "input_hint_block.0."}};

// Inside the VAE's attention; the second column's names are of folders written before 2023.
constexpr Renaming vae_attention[] = {
    {"group_norm.", "norm."},   {"to_q.", "q."},  {"to_k.", "k."}, {"to_v.", "v."},
    {"to_out.0.", "proj_out."}, {"query.", "q."}, {"key.", "k."},  {"value.", "v."},
    {"proj_attn.", "proj_out."}};

constexpr Renaming vae_ends[] = {
    {"conv_in.", "conv_in."}, {"conv_norm_out.", "norm_out."}, {"conv_out.", "conv_out."}};

// Takes names apart from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view name) : rest_(name) {}

  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }
  // A number of up to three digits and the dot behind it.
  bool take_number(int& number) {
    size_t length = 0;
    int value = 0;
    for (; length < rest_.size() && length < 3 && rest_[length] >= '0' && rest_[length] <= '9';
         ++length)
      value = value * 10 + (rest_[length] - '0');
    if (length == 0 || length >= rest_.size() || rest_[length] != '.') return false;
    rest_.remove_prefix(length + 1);
    number = value;
    return true;
  }
  // "resnets.3." with the prefix "resnets."
  bool take_indexed(std::string_view prefix, int& number) {
    const auto before = rest_;
    if (take(prefix) && take_number(number)) return true;
    rest_ = before;
    return false;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

using Name = std::optional<std::string>;

Name renamed(std::string_view name, std::span<const Renaming> table) {
  for (const auto& [from, to] : table)
    if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
  return {};
}

Name renamed_back(std::string_view name, std::span<const Renaming> table) {
  for (const auto& [from, to] : table)
    if (name.starts_with(to)) return std::string(from) + std::string(name.substr(to.size()));
  return {};
}

Name join(const std::string& prefix, const Name& rest) {
  return rest ? Name(prefix + *rest) : Name();
}

// https://github.com/CompVis/stable-diffusion ldm/modules/diffusionmodules/openaimodel.py numbers
// all blocks in the order of execution; each holds a residual block (0), attention (1), an
// upsampling (last), or a downsampling alone.
Name unet_name(std::string_view name, const BlockCounts& counts) {
  Cursor cursor(name);
  int level = 0, index = 0;
  const int stride = counts.res_blocks + 1;
  if (cursor.take_indexed("down_blocks.", level)) {
    const int first = 1 + level * stride;
    if (cursor.take_indexed("resnets.", index))
      return join(fmt::format("input_blocks.{}.0.", first + index),
                  renamed(cursor.rest(), unet_resnet));
    if (cursor.take_indexed("attentions.", index))
      return fmt::format("input_blocks.{}.1.{}", first + index, cursor.rest());
    if (cursor.take("downsamplers.0.conv."))
      return fmt::format("input_blocks.{}.0.op.{}", first + counts.res_blocks, cursor.rest());
    return {};
  }
  if (cursor.take_indexed("up_blocks.", level)) {
    const int first = level * stride;
    if (cursor.take_indexed("resnets.", index))
      return join(fmt::format("output_blocks.{}.0.", first + index),
                  renamed(cursor.rest(), unet_resnet));
    if (cursor.take_indexed("attentions.", index))
      return fmt::format("output_blocks.{}.1.{}", first + index, cursor.rest());
    if (cursor.take("upsamplers.0.conv.") && level < static_cast<int>(std::size(counts.attention)))
      return fmt::format("output_blocks.{}.{}.conv.{}", first + counts.res_blocks,
                         counts.attention[level] ? 2 : 1, cursor.rest());
    return {};
  }
  if (cursor.take_indexed("mid_block.resnets.", index))
    return join(fmt::format("middle_block.{}.", 2 * index), renamed(cursor.rest(), unet_resnet));
  if (cursor.take("mid_block.attentions.0."))
    return fmt::format("middle_block.1.{}", cursor.rest());
  if (cursor.take_indexed("controlnet_down_blocks.", index))
    return fmt::format("zero_convs.{}.0.{}", index, cursor.rest());
  // The hint's convolutions have an activation each in between.
  if (cursor.take_indexed("controlnet_cond_embedding.blocks.", index))
    return fmt::format("input_hint_block.{}.{}", 2 * (index + 1), cursor.rest());
  if (cursor.take("controlnet_cond_embedding.conv_out."))
    return fmt::format("input_hint_block.{}.{}", 2 * (counts.hint_blocks + 1), cursor.rest());
  return renamed(name, unet_ends);
}

Name vae_resnet(std::string_view rest) {
  constexpr std::string_view shortcut = "conv_shortcut.";
  if (rest.starts_with(shortcut))
    return "nin_shortcut." + std::string(rest.substr(shortcut.size()));
  return std::string(rest);
}

// ldm/modules/diffusionmodules/model.py: `up` is numbered from the picture's side.
Name vae_name(std::string_view name, const BlockCounts& counts) {
  Cursor cursor(name);
  std::string side;
  if (cursor.take("encoder."))
    side = "encoder.";
  else if (cursor.take("decoder."))
    side = "decoder.";
  else if (name.starts_with("quant_conv.") || name.starts_with("post_quant_conv."))
    return Name(name);
  else
    return {};

  int level = 0, index = 0;
  std::string block;
  if (cursor.take_indexed("down_blocks.", level))
    block = fmt::format("{}down.{}.", side, level);
  else if (cursor.take_indexed("up_blocks.", level))
    block = fmt::format("{}up.{}.", side, counts.levels - 1 - level);
  if (!block.empty()) {
    if (cursor.take_indexed("resnets.", index))
      return join(fmt::format("{}block.{}.", block, index), vae_resnet(cursor.rest()));
    if (cursor.take("downsamplers.0.conv.") || cursor.take("upsamplers.0.conv."))
      return fmt::format("{}{}.conv.{}", block, side == "encoder." ? "downsample" : "upsample",
                         cursor.rest());
    return {};
  }
  if (cursor.take_indexed("mid_block.resnets.", index))
    return join(fmt::format("{}mid.block_{}.", side, index + 1), vae_resnet(cursor.rest()));
  if (cursor.take("mid_block.attentions.0."))
    return join(side + "mid.attn_1.", renamed(cursor.rest(), vae_attention));
  return join(side, renamed(cursor.rest(), vae_ends));
}

// TAESD's modules are numbered. Its own code has a clamp in front of the decoder, which diffusers
// does not count; its decoder's own file has no prefix.
Name taesd_name(std::string_view name) {
  Cursor cursor(name);
  int number = 0;
  if (cursor.take_indexed("decoder.layers.", number))
    return fmt::format("decoder.{}.{}", number + 1, cursor.rest());
  for (const auto& [beginning, canonical] :
       {std::pair("encoder.layers.", "encoder."), std::pair("taesd_encoder.", "encoder."),
        std::pair("taesd_decoder.", "decoder.")})
    if (cursor.take(beginning)) return canonical + std::string(cursor.rest());
  if (!name.empty() && name[0] >= '0' && name[0] <= '9') return "decoder." + std::string(name);
  return {};
}

// transformers 5 leaves `text_model.` out.
Name text_name(std::string_view name) {
  Cursor cursor(name);
  cursor.take("text_model.");
  for (const std::string_view known : {"embeddings.", "encoder.layers.", "final_layer_norm."})
    if (cursor.rest().starts_with(known)) return "text_model." + std::string(cursor.rest());
  return {};
}

// A T2I-Adapter's. Blocks of a light one stay in their level, those of others are numbered through.
Name adapter_name(std::string_view name, const BlockCounts& counts) {
  Cursor cursor(name);
  if (!cursor.take("adapter.")) return Name(name);
  int level = 0, index = 0;
  if (!cursor.take_indexed("body.", level)) return Name(cursor.rest());
  if (cursor.take_indexed("resnets.", index))
    return counts.is_light
               ? fmt::format("body.{}.body.{}.{}", level, index, cursor.rest())
               : fmt::format("body.{}.{}", level * counts.res_blocks + index, cursor.rest());
  return fmt::format("body.{}.{}", counts.is_light ? level : level * counts.res_blocks,
                     cursor.rest());
}

}  // namespace

void count_blocks(std::string_view name, BlockCounts& counts) {
  Cursor cursor(name);
  int level = 0, index = 0;
  if (cursor.take_indexed("controlnet_cond_embedding.blocks.", index))
    counts.hint_blocks = std::max(counts.hint_blocks, index + 1);
  cursor.take("adapter.");  // a T2I-Adapter
  if (cursor.take_indexed("body.", level)) {
    counts.is_adapter = true;
    if (cursor.take_indexed("resnets.", index))
      counts.res_blocks = std::max(counts.res_blocks, index + 1);
    else if (cursor.take("out_conv."))
      counts.is_light = true;
    return;
  }
  cursor.take("encoder.");  // the VAE's two halves
  if (cursor.take_indexed("down_blocks.", level)) {
    counts.levels = std::max(counts.levels, level + 1);
    if (cursor.take_indexed("resnets.", index))
      counts.res_blocks = std::max(counts.res_blocks, index + 1);
  }
  cursor.take("decoder.");
  if (cursor.take_indexed("up_blocks.", level)) {
    counts.levels = std::max(counts.levels, level + 1);
    if (cursor.take("attentions.") && level < static_cast<int>(std::size(counts.attention)))
      counts.attention[level] = true;
  }
}

std::optional<std::string> canonical_name(Part part, std::string_view name,
                                          const BlockCounts& counts) {
  const std::string prefix(prefix_of(part));
  switch (part) {
    case Part::control:
      if (counts.is_adapter) return join(prefix, adapter_name(name, counts));
      [[fallthrough]];
    case Part::unet: return join(prefix, unet_name(name, counts));
    case Part::vae:
      if (auto found = taesd_name(name)) return join(prefix, found);
      return join(prefix, vae_name(name, counts));
    case Part::text: return join(prefix, text_name(name));
  }
  return {};
}

std::optional<std::string> diffusers_name(std::string_view name, int res_blocks) {
  Cursor cursor(name);
  const int stride = res_blocks + 1;
  int block = 0, index = 0;
  const bool down = cursor.take_indexed("input_blocks.", block);
  if (down && block == 0) return renamed_back(name, unet_ends);
  if (down || cursor.take_indexed("output_blocks.", block)) {
    if (!cursor.take_number(index)) return {};
    const int at = down ? block - 1 : block;
    const std::string level = fmt::format("{}_blocks.{}.", down ? "down" : "up", at / stride);
    if (down && at % stride == res_blocks)
      return cursor.take("op.") ? Name(level + "downsamplers.0.conv." + std::string(cursor.rest()))
                                : Name();
    if (index == 0)
      return join(fmt::format("{}resnets.{}.", level, at % stride),
                  renamed_back(cursor.rest(), unet_resnet));
    if (!down && cursor.take("conv."))
      return level + "upsamplers.0.conv." + std::string(cursor.rest());
    return fmt::format("{}attentions.{}.{}", level, at % stride, cursor.rest());
  }
  if (cursor.take_indexed("middle_block.", block)) {
    if (block == 1) return fmt::format("mid_block.attentions.0.{}", cursor.rest());
    return join(fmt::format("mid_block.resnets.{}.", block / 2),
                renamed_back(cursor.rest(), unet_resnet));
  }
  return renamed_back(name, unet_ends);
}

}  // namespace drypoint
