#include "checkpoint/canonical.h"

#include <array>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/names_diffusers.h"
#include "checkpoint/parts.h"

namespace drypoint {
namespace {

// What the original code's names start with inside a part.
constexpr std::string_view trunk[] = {
    "input_blocks.", "middle_block.", "output_blocks.",    "time_embed.",      "out.",
    "zero_convs.",   "label_emb.",    "middle_block_out.", "input_hint_block."};
constexpr std::string_view vae[] = {"encoder.", "decoder.", "quant_conv.", "post_quant_conv."};

std::span<const std::string_view> heads(Part part) {
  if (part == Part::vae) return vae;
  if (part == Part::text) return {};
  return trunk;
}

bool any_of(const NamedTensors& tensors, std::initializer_list<std::string_view> prefixes) {
  for (const auto prefix : prefixes)
    if (tensors.has_prefix(prefix)) return true;
  return false;
}

// The part that names without a prefix belong to.
std::optional<Part> bare_part(const NamedTensors& tensors) {
  if (any_of(tensors, {"input_hint_block.", "controlnet_cond_embedding."})) return Part::control;
  if (any_of(tensors, {"output_blocks.", "up_blocks."})) return Part::unet;
  if (any_of(tensors, {"encoder.conv_in.", "decoder.conv_in."})) return Part::vae;
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
      {"cond_stage_model.model.", "a Stable Diffusion 2 checkpoint"},
      {"model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 checkpoint"},
      {"joint_blocks.", "a Stable Diffusion 3 checkpoint"},
      {"model.diffusion_model.double_blocks.", "a FLUX checkpoint"},
      {"double_blocks.", "a FLUX checkpoint"},
      {"lora_unet_", "a LoRA"},
      {"lora_te_", "a LoRA"},
      {"lora_controlnet", "a Control-LoRA"}};
  for (const auto& [prefix, what] : families)
    if (tensors.has_prefix(prefix))
      fail(ErrorKind::unsupported, "{}: is {} (it holds {}...), which is not supported yet", file,
           what, prefix);
}

// The width of the text that cross-attention reads tells the families apart: 768 is ours.
void refuse_other_widths(const NamedTensors& tensors, const std::string& file) {
  constexpr std::pair<int64_t, std::string_view> widths[] = {
      {1024, "Stable Diffusion 2"}, {1280, "the SDXL refiner"}, {2048, "SDXL"}};
  for (const Part part : {Part::unet, Part::control}) {
    const std::string prefix = std::string(prefix_of(part)) + "input_blocks.";
    for (auto it = tensors.tensors.lower_bound(prefix);
         it != tensors.tensors.end() && it->first.starts_with(prefix); ++it) {
      if (!it->first.ends_with(".attn2.to_k.weight") || it->second.shape().size() != 2) continue;
      for (const auto& [width, family] : widths)
        if (it->second.shape()[1] == width)
          fail(ErrorKind::unsupported,
               "{}: its {} is for {} (text width {}, expected 768), which is not supported yet",
               file, name_of(part), family, width);
      break;
    }
  }
}

// Products over channels alone are the same numbers as matrices and as 1x1 convolutions.
bool is_1x1_convolution(std::string_view name) {
  if (name.starts_with(prefix_of(Part::text))) return false;
  if (name.ends_with(".proj_in.weight") || name.ends_with(".proj_out.weight")) return true;
  return name.find(".attn_1.") != name.npos && name.ends_with(".weight");
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
  const std::optional<Part> bare = bare_part(given);

  std::array<BlockCounts, part_names.size()> counts;
  for (const auto& [name, _] : given.tensors)
    if (const auto place = place_of(name, bare))
      count_blocks(place->relative, counts[static_cast<size_t>(place->part)]);

  // The canonical name; the same name where nothing is known; nothing for what is left out.
  const auto rename = [&](const std::string& name) -> std::optional<std::string> {
    if (name.starts_with("model_ema.")) return {};
    const auto place = place_of(name, bare);
    if (!place) return name;
    const auto [part, relative] = *place;
    if (auto found = canonical_name(part, relative, counts[static_cast<size_t>(part)]))
      return found;
    for (const auto head : heads(part))
      if (relative.starts_with(head)) return std::string(prefix_of(part)) + std::string(relative);
    return name;
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
  for (auto& [name, why] : given.unusable)
    if (auto renamed = rename(name)) result.unusable.emplace(std::move(*renamed), std::move(why));
  refuse_other_widths(result, file);
  return result;
}

}  // namespace drypoint
