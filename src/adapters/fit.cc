#include "adapters/fit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "models/family.h"

namespace drypoint {
namespace {

/// Of the text that cross-attention reads.
std::optional<int64_t> text_width(const Adapter& adapter) {
  for (const AdapterChange& change : adapter.changes) {
    std::string module = change.module;
    std::ranges::replace(module, '.', '_');
    if (change.of_bias || (!module.ends_with("attn2_to_k") && !module.ends_with("attn2_to_v")))
      continue;
    if (const auto width = change.change->columns()) return width;
  }
  return {};
}

std::string named_family(const Adapter& adapter) {
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"lora_te2_", "SDXL"},
      {"text_encoder_2", "SDXL"},
      {"joint_blocks", "Stable Diffusion 3"},
      {"double_blocks", "FLUX"},
      {"single_blocks", "FLUX"},
      {"single_transformer_blocks", "FLUX"},
      {"transformer.transformer_blocks", "Stable Diffusion 3 or FLUX"}};
  for (const AdapterChange& change : adapter.changes)
    for (const auto& [word, family] : words)
      if (change.module.find(word) != std::string::npos) return std::string(family);
  return {};
}

std::string family_of_width(int64_t width) {
  switch (width) {
    case 768: return "Stable Diffusion 1";
    case 1024: return "Stable Diffusion 2";
    case 2048: return "SDXL";
    case 1280: return "the SDXL refiner";
    default: return fmt::format("models whose text has a width of {}", width);
  }
}

std::string family_of_model(const ModelConfig& config) {
  const Family* family = family_of(config.unet);
  return family ? std::string(family->title)
                : fmt::format("a model whose text has a width of {}", config.unet.context_width);
}

}  // namespace

std::string family_of(const Adapter& adapter) {
  if (std::string named = named_family(adapter); !named.empty()) return named;
  const auto width = text_width(adapter);
  return width ? family_of_width(*width) : std::string();
}

FittedAdapter fit(const std::shared_ptr<const Adapter>& adapter, const AdapterTargets& targets,
                  const ModelConfig& config, const std::string& model) {
  const auto width = text_width(*adapter);
  if (width ? *width != config.unet.context_width : !named_family(*adapter).empty())
    fail(ErrorKind::unsupported, "{}: is an adapter for {}{}, the model {} is {}", adapter->name,
         family_of(*adapter), width ? fmt::format(" (text width {})", *width) : "", model,
         family_of_model(config) + fmt::format(" ({})", config.unet.context_width));
  FittedAdapter fitted{adapter, {}, adapter->left};
  for (const AdapterChange& change : adapter->changes) {
    const auto* target = targets.find(change.module);
    const std::string tensor =
        target ? target->module + (change.of_bias ? ".bias" : ".weight") : std::string();
    const Shape* shape = target ? targets.shape(tensor) : nullptr;
    if (shape && change.change->fits(*shape))
      fitted.changes.push_back({tensor, target->part, &change});
    else
      fitted.left.insert(fitted.left.end(), change.keys.begin(), change.keys.end());
  }
  if (fitted.changes.empty()) {
    const std::string family = family_of(*adapter);
    fail(ErrorKind::unsupported,
         "{}: is an adapter{}{} of which nothing fits the model {}, {}: all of its {} tensors are "
         "left, the first is {}",
         adapter->name, family.empty() ? "" : " for ", family, model, family_of_model(config),
         adapter->tensors.tensors.size(), fitted.left.empty() ? "none" : printable(fitted.left[0]));
  }
  return fitted;
}

}  // namespace drypoint
