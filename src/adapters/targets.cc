#include "adapters/targets.h"

#include <algorithm>

#include "checkpoint/names_diffusers.h"
#include "models/clip.h"
#include "models/unet.h"

namespace drypoint {
namespace {

// What stands before a module's name, with underscores for dots.
constexpr std::string_view unet_prefixes[] = {"",
                                              "lora_unet_",
                                              "lycoris_unet_",
                                              "lycoris_",
                                              "unet_",
                                              "diffusion_model_",
                                              "model_diffusion_model_",
                                              "base_model_model_",
                                              "base_model_model_unet_",
                                              "unet_base_model_model_"};
constexpr std::string_view text_prefixes[] = {"",
                                              "lora_te_",
                                              "lora_te1_",
                                              "lycoris_te_",
                                              "lycoris_text_encoder_",
                                              "lycoris_",
                                              "text_encoder_",
                                              "te_",
                                              "cond_stage_model_transformer_",
                                              "clip_l_transformer_",
                                              "clip_h_transformer_",
                                              "text_encoders_clip_l_transformer_",
                                              "text_encoders_clip_h_transformer_",
                                              "base_model_model_",
                                              "base_model_model_text_encoder_",
                                              "text_encoder_base_model_model_"};

std::string with_underscores(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '.', '_');
  return result;
}

// Old names of the text encoder's projections.
constexpr std::pair<std::string_view, std::string_view> old_projections[] = {
    {"q_proj", "to_q"}, {"k_proj", "to_k"}, {"v_proj", "to_v"}, {"out_proj", "to_out"}};

}  // namespace

void AdapterTargets::add(Part part, const std::string& name, const std::string& module) {
  auto& names = part == Part::unet ? unet_ : text_;
  const std::string key = with_underscores(name);
  names.emplace(key, Target{part, module});
  // Processors of attention have one layer there.
  constexpr std::string_view out = "_to_out_0";
  if (key.ends_with(out)) names.emplace(key.substr(0, key.size() - 2), Target{part, module});
}

AdapterTargets::AdapterTargets(const ModelConfig& config) {
  const auto for_each = [&](Part part, const std::vector<TensorSpec>& specs,
                            const auto& add_names) {
    for (const auto& [tensor, shape] : specs) {
      shapes_.emplace(tensor, shape);
      const std::string module = tensor.substr(0, tensor.rfind('.'));
      const std::string relative = module.substr(prefix_of(part).size());
      add(part, relative, module);
      add_names(relative, module);
    }
  };
  for_each(Part::unet, tensors_of(config.unet), [&](const auto& relative, const auto& module) {
    if (const auto name = diffusers_name(relative + ".", static_cast<int>(config.unet.res_blocks)))
      add(Part::unet, name->substr(0, name->size() - 1), module);
  });
  for_each(Part::text, tensors_of(config.text), [&](const auto& relative, const auto& module) {
    constexpr std::string_view root = "text_model.";
    if (relative.starts_with(root)) add(Part::text, relative.substr(root.size()), module);
    for (const auto& [now, before] : old_projections)
      if (relative.ends_with(now))
        add(Part::text, relative.substr(0, relative.size() - now.size()) + std::string(before),
            module);
  });
}

const AdapterTargets::Target* AdapterTargets::find(std::string_view module) const {
  const std::string name = with_underscores(module);
  const auto look = [&](const auto& names, const auto& prefixes) -> const Target* {
    for (const std::string_view prefix : prefixes) {
      if (!name.starts_with(prefix)) continue;
      const auto found = names.find(std::string_view(name).substr(prefix.size()));
      if (found != names.end()) return &found->second;
    }
    return nullptr;
  };
  const Target* in_unet = look(unet_, unet_prefixes);
  return in_unet ? in_unet : look(text_, text_prefixes);
}

const Shape* AdapterTargets::shape(const std::string& tensor) const {
  const auto found = shapes_.find(tensor);
  return found == shapes_.end() ? nullptr : &found->second;
}

}  // namespace drypoint
