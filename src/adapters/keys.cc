#include "adapters/keys.h"

#include <algorithm>
#include <utility>

namespace drypoint {
namespace {

struct Ending {
  std::string_view ending, role;
};

// Of two that fit the first counts.
constexpr Ending endings[] = {
    // kohya, LyCORIS
    {".lora_down.weight", "lora_down"},
    {".lora_up.weight", "lora_up"},
    {".lora_mid.weight", "lora_mid"},
    {".alpha", "alpha"},
    {".dora_scale", "dora_scale"},
    {".hada_w1_a", "hada_w1_a"},
    {".hada_w1_b", "hada_w1_b"},
    {".hada_w2_a", "hada_w2_a"},
    {".hada_w2_b", "hada_w2_b"},
    {".hada_t1", "hada_t1"},
    {".hada_t2", "hada_t2"},
    {".lokr_w1", "lokr_w1"},
    {".lokr_w1_a", "lokr_w1_a"},
    {".lokr_w1_b", "lokr_w1_b"},
    {".lokr_t1", "lokr_t1"},
    {".lokr_w2", "lokr_w2"},
    {".lokr_w2_a", "lokr_w2_a"},
    {".lokr_w2_b", "lokr_w2_b"},
    {".lokr_t2", "lokr_t2"},
    {".oft_blocks", "oft_blocks"},
    {".oft_diag", "oft_diag"},
    {".rescale", "rescale"},
    {".on_input", "on_input"},
    {".a1.weight", "a1.weight"},
    {".a2.weight", "a2.weight"},
    {".b1.weight", "b1.weight"},
    {".b2.weight", "b2.weight"},
    {".diff", "diff"},
    {".diff_b", "diff_b"},
    {".w_norm", "w_norm"},
    {".b_norm", "b_norm"},
    {".set_weight", "set_weight"},
    // diffusers: first with processors of attention, then with layers
    {"_lora.down.weight", "lora_down"},
    {"_lora.up.weight", "lora_up"},
    {".lora.down.weight", "lora_down"},
    {".lora.up.weight", "lora_up"},
    {".lora_linear_layer.down.weight", "lora_down"},
    {".lora_linear_layer.up.weight", "lora_up"},
    // PEFT; see below for adapters with names
    {".lora_A", "lora_down"},
    {".lora_B", "lora_up"},
    {".lora_magnitude_vector", "lora_magnitude_vector"},
    // IA3; a whole checkpoint's weights end in it, too
    {".weight", "weight"},
};

// ".lora_A.weight", ".lora_A.default.weight"
constexpr Ending peft[] = {{".lora_A.", "lora_down"},
                           {".lora_B.", "lora_up"},
                           {".lora_magnitude_vector.", "lora_magnitude_vector"}};

/// "attn1.processor.to_q" -> "attn1.to_q"
std::string without_processor(std::string module) {
  constexpr std::string_view word = ".processor";
  const size_t at = module.find(word);
  if (at != module.npos && (at + word.size() == module.size() || module[at + word.size()] == '.'))
    module.erase(at, word.size());
  return module;
}

}  // namespace

std::optional<AdapterKey> split_key(std::string_view key) {
  for (const auto& [middle, role] : peft) {
    const size_t at = key.rfind(middle);
    if (at == key.npos || !key.ends_with("weight")) continue;
    const std::string_view name = key.substr(at + middle.size());
    if (name == "weight" || std::ranges::count(name, '.') == 1)
      return AdapterKey{without_processor(std::string(key.substr(0, at))), std::string(role)};
  }
  for (const auto& [ending, role] : endings)
    if (key.ends_with(ending) && key.size() > ending.size())
      return AdapterKey{without_processor(std::string(key.substr(0, key.size() - ending.size()))),
                        std::string(role)};
  return {};
}

std::optional<std::string> bundled_embedding(std::string_view key) {
  constexpr std::string_view beginning = "bundle_emb.";
  if (!key.starts_with(beginning)) return {};
  key.remove_prefix(beginning.size());
  for (const std::string_view ending : {".string_to_param.*", ".emb_params"})
    if (key.ends_with(ending) && key.size() > ending.size())
      return std::string(key.substr(0, key.size() - ending.size()));
  return {};
}

}  // namespace drypoint
