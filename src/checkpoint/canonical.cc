#include "checkpoint/canonical.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/names_diffusers.h"
#include "checkpoint/names_openclip.h"
#include "checkpoint/parts.h"

namespace drypoint {
namespace {

// What files of a single part, whose names have no prefix, hold beside it: what training needed,
// and what a whole CLIP has around its text encoder.
bool is_foreign_to_parts(std::string_view name) {
  constexpr std::string_view beginnings[] = {
      "loss.",       "vision_model.", "visual_projection.", "text_projection",
      "logit_scale", "difference",    "scaled_fp8"};
  return std::ranges::any_of(beginnings, [&](auto begin) { return name.starts_with(begin); });
}

bool any_of(const NamedTensors& tensors, std::initializer_list<std::string_view> prefixes) {
  for (const auto prefix : prefixes)
    if (tensors.has_prefix(prefix)) return true;
  return false;
}

// The part that names without a prefix belong to.
std::optional<Part> bare_part(const NamedTensors& tensors) {
  if (any_of(tensors, {"input_hint_block.", "controlnet_cond_embedding.", "adapter.body.",
                       "body.0.block1.", "body.0.in_conv."}))
    return Part::control;
  if (any_of(tensors, {"output_blocks.", "up_blocks."})) return Part::unet;
  if (any_of(tensors, {"encoder.conv_in.", "decoder.conv_in.", "decoder.layers.", "taesd_decoder.",
                       "3.conv.0."}))
    return Part::vae;
  if (any_of(tensors, {"text_model.", "embeddings.token_embedding."})) return Part::text;
  return {};
}

struct Place {
  Part part;
  std::string_view relative;
};

std::optional<Place> place_of(std::string_view name, std::optional<Part> bare) {
  for (const auto& [part, prefix, _] : part_names)
    if (name.starts_with(prefix)) return Place{part, name.substr(prefix.size())};
  if (bare) return Place{*bare, name};
  return {};
}

// Other families, by names that only they have.
void refuse_other_families(const NamedTensors& tensors, const std::string& file) {
  constexpr std::pair<std::string_view, std::string_view> families[] = {
      {"conditioner.embedders.", "an SDXL checkpoint"},
      {"model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 checkpoint"},
      {"joint_blocks.", "a Stable Diffusion 3 checkpoint"},
      {"model.diffusion_model.double_blocks.", "a FLUX checkpoint"},
      {"double_blocks.", "a FLUX checkpoint"},
      {"ip_adapter.", "an IP-Adapter"},
      {"image_proj.", "an IP-Adapter"},
      {"emb_params", "a textual inversion"}};
  for (const auto& [prefix, what] : families)
    if (tensors.has_prefix(prefix))
      fail(ErrorKind::unsupported, "{}: is {} (it holds {}...), which is not supported yet", file,
           what, prefix);
  // LoRAs in the names of kohya's scripts, PEFT and diffusers, for whichever model, and their kin.
  constexpr std::string_view beginnings[] = {"lora_unet_", "lora_te_",    "lora_te1_",
                                             "lora_te2_",  "lora_prior_", "lycoris_"};
  constexpr std::string_view inside[] = {".lora_A.",
                                         ".lora_B.",
                                         ".lora_down.",
                                         ".lora_up.",
                                         ".lora.down.",
                                         ".lora.up.",
                                         "_lora.down.",
                                         "_lora.up.",
                                         ".lora_linear_",
                                         ".hada_w1_a",
                                         ".hada_w1_b",
                                         ".lokr_w1",
                                         ".lokr_w2",
                                         ".dora_scale",
                                         ".oft_blocks",
                                         ".oft_diag",
                                         ".lora_magnitude_vector"};
  const auto is_lora = [&](std::string_view name) {
    return std::ranges::any_of(beginnings, [&](auto part) { return name.starts_with(part); }) ||
           std::ranges::any_of(inside, [&](auto part) { return name.find(part) != name.npos; });
  };
  for (const auto& [name, _] : tensors.tensors)
    if (is_lora(name))
      fail(ErrorKind::unsupported,
           "{}: is a LoRA (it holds {}), expected a checkpoint: a LoRA changes one, and is given "
           "beside it (lora)",
           file, printable(name));
}

// The width of the text that cross-attention reads tells the families apart.
void refuse_other_widths(const NamedTensors& tensors, const std::string& file) {
  constexpr std::pair<int64_t, std::string_view> widths[] = {{1280, "the SDXL refiner"},
                                                             {2048, "SDXL"}};
  for (const Part part : {Part::unet, Part::control}) {
    const std::string prefix = std::string(prefix_of(part)) + "input_blocks.";
    for (auto it = tensors.tensors.lower_bound(prefix);
         it != tensors.tensors.end() && it->first.starts_with(prefix); ++it) {
      const bool tells = it->first.ends_with(".attn2.to_k.weight") ||
                         it->first.ends_with(".attn2.to_k.down");  // of a Control-LoRA
      if (!tells || it->second.shape().size() != 2) continue;
      for (const auto& [width, family] : widths)
        if (it->second.shape()[1] == width)
          fail(ErrorKind::unsupported,
               "{}: its {} is for {} (text width {}, expected 768 or 1024), which is not supported "
               "yet",
               file, name_of(part), family, width);
      break;
    }
  }
}

// Products over channels alone are the same numbers as matrices and as 1x1 convolutions.
bool is_1x1_convolution(std::string_view name) {
  return name.starts_with(prefix_of(Part::vae)) && name.find(".attn_1.") != name.npos &&
         name.ends_with(".weight");
}

template <class Value>
void add(std::map<std::string, Value, std::less<>>& to, std::string name,
         const std::string& original, Value value, const std::string& file) {
  if (!to.emplace(std::move(name), std::move(value)).second)
    fail(ErrorKind::bad_file, "{}: tensor {} is there twice under two names", file,
         printable(original));
}

}  // namespace

NamedTensors canonical(NamedTensors given, const std::string& file) {
  refuse_other_families(given, file);
  given = without_openclip_names(std::move(given), file);
  const std::optional<Part> bare = bare_part(given);

  std::array<BlockCounts, part_names.size()> counts;
  const auto count = [&](const auto& named) {
    for (const auto& [name, _] : named)
      if (const auto place = place_of(name, bare))
        count_blocks(place->relative, counts[static_cast<size_t>(place->part)]);
  };
  count(given.tensors);
  count(given.foreign);

  // The canonical name; the same name where nothing is known; nothing for what is left out.
  const auto rename = [&](const std::string& name) -> std::optional<std::string> {
    if (name.starts_with("model_ema.")) return {};
    const auto place = place_of(name, bare);
    if (!place) return name;
    const auto [part, relative] = *place;
    if (auto found = canonical_name(part, relative, counts[static_cast<size_t>(part)]))
      return found;
    if (bare && is_foreign_to_parts(relative)) return name;
    return std::string(prefix_of(part)) + std::string(relative);
  };

  NamedTensors result;
  result.metadata = std::move(given.metadata);
  result.files = std::move(given.files);
  for (auto& [name, tensor] : given.tensors) {
    auto renamed = rename(name);
    if (!renamed) continue;
    if (tensor.shape().size() == 2 && is_1x1_convolution(*renamed))
      tensor = tensor.reshaped({tensor.shape()[0], tensor.shape()[1], 1, 1});
    add(result.tensors, std::move(*renamed), name, std::move(tensor), file);
  }
  for (auto& [name, type] : given.foreign)
    if (auto renamed = rename(name))
      add(result.foreign, std::move(*renamed), name, std::move(type), file);
  for (auto& [name, why] : given.unusable)
    if (auto renamed = rename(name)) result.unusable.emplace(std::move(*renamed), std::move(why));
  refuse_other_widths(result, file);
  return result;
}

}  // namespace drypoint
